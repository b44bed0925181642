// Loaded into the gateway's process: says what it holds after a collection, when it is asked.
process.on('message', () => {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rss, held: heapUsed + external });
});
process.channel?.unref();
