import { expect, test } from 'vitest';
import { parseArguments } from '../../demo/api/arguments.ts';

test.each([
  ['', { host: '127.0.0.1', port: 4000, latencyMs: [30, 80] }],
  ['--port 0 --host ::1', { host: '::1', port: 0, latencyMs: [30, 80] }],
  ['--latency 5-9', { host: '127.0.0.1', port: 4000, latencyMs: [5, 9] }],
  ['--latency 50', { host: '127.0.0.1', port: 4000, latencyMs: [50, 50] }],
])('"%s" is understood', (line, wanted) => {
  expect(parseArguments(line.split(' ').filter(Boolean))).toEqual(wanted);
});

test.each([
  ['--port 65536', '--port must be'],
  ['--port http', '--port must be'],
  ['--latency 80-30', '--latency must be'],
  ['--latency 30-60001', '--latency must be'],
  ['--latency fast', '--latency must be'],
  ['--prot 4000', "Unknown option '--prot'"],
  ['4000', 'Unexpected argument'],
])('"%s" is refused', (line, message) => {
  expect(() => parseArguments(line.split(' '))).toThrow(message);
});
