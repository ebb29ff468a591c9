/* The comparison: one chart. */
whenReady(async () => {
  const chart = read("chart");
  return () => draw(chart);
});
