import { z } from 'zod';
import { count, duration, text } from './scalar.ts';
import { DAY_MS } from './units.ts';
import { ValueError } from './value-error.ts';

/** More often than this, probes would be a load of their own. */
const MIN_PAUSE_MS = 10;
const pause = { min: MIN_PAUSE_MS, max: DAY_MS };

const healthPath = text({ pattern: '^/', examples: ['/healthz'] }, (path) => {
  if (/^\/[!-~]*$/.test(path) && !path.includes('#')) return path;
  throw new ValueError(`"${path}" is not a path`, 'write it as in a request, with escapes: /healthz');
});

const forms = z.union([
  healthPath,
  z.strictObject({
    path: healthPath.meta({ description: 'Path and query, below the path of the URL.' }),
    interval: duration(pause)
      .prefault('5s')
      .meta({ description: 'Between two probes while the origin is up.', examples: ['10s'] }),
    timeout: duration(pause)
      .prefault('2s')
      .meta({ description: 'How long a probe waits for an answer.', examples: ['1s'] }),
  }),
]);

export const healthSchema = forms
  .transform((health) => (typeof health === 'string' ? { path: health, interval: 5_000, timeout: 2_000 } : health))
  .optional()
  .meta({
    description:
      'Where the gateway asks how the origin is (2xx and 3xx: well). Its answers open and close the circuit; of requests of clients, only failures to connect count then. Absent: requests of clients tell, and a HEAD of the gateway opens and closes it.',
    examples: ['/healthz'],
  });

const circuitForms = z.union([
  z.literal('off'),
  z.strictObject({
    failures: count({ min: 1, max: 1_000 })
      .prefault(5)
      .meta({
        description:
          'Failures in a row after which the origin is taken to be down: since they were sent, no other request has succeeded.',
        examples: [3],
      }),
    probe: z
      .strictObject({
        first: duration(pause)
          .prefault('1s')
          .meta({
            description:
              'The first pause. Each probe that fails doubles it. Failures of requests that were sent open the circuit only if they last as long, and a probe fails, too.',
            examples: ['500ms'],
          }),
        most: duration(pause)
          .prefault('30s')
          .meta({ description: 'The longest pause, also if a Retry-After asks for more.', examples: ['10s'] }),
      })
      .prefault({})
      .meta({ description: 'Pauses between the probes that are sent to an origin that is down, one at a time.' }),
  }),
]);

export const circuitSchema = circuitForms.prefault({}).meta({
  description:
    'When requests are no longer sent to an origin that fails; off: each is. Reads get a stale copy then where staleIfError allows it, and all others 503.',
});
