import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

/*
 * Preloaded into a gateway of the soak. Its wall clock steps at each SIGUSR2, as one does that somebody sets, or that
 * NTP corrects: an hour ahead, an hour behind, right. And its connections to a Redis go by way of proxies of the tests.
 * Addresses in the configuration would not do, since the nodes of a Redis Cluster name each other by their own.
 */
const ports = new Map(JSON.parse(process.env.UNSTALE_SOAK_PORTS ?? '[]'));
for (const name of ['connect', 'createConnection']) {
  const connect = net[name];
  net[name] = (options, ...rest) => {
    const port = ports.get(Number(options?.port));
    return connect(port === undefined ? options : { ...options, port }, ...rest);
  };
}
syncBuiltinESMExports();

const HOUR_MS = 3_600_000;
const offsetsMs = [HOUR_MS, -HOUR_MS, 0];
const now = Date.now;
let offsetMs = 0;
Date.now = () => now() + offsetMs;
process.on('SIGUSR2', () => {
  offsetMs = offsetsMs.shift();
  offsetsMs.push(offsetMs);
});
