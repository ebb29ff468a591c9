"""Record: the socket, the journal, the tape. What was received is what is kept, byte for byte."""
