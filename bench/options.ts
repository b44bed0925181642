import { parseArgs } from 'node:util';

/** Durations and repetitions of the measurements. */
export interface Effort {
  /** Rounds per case. Each round measures every contender once. */
  readonly rounds: number;
  /** Seconds of load per contender and round. */
  readonly seconds: number;
  /** Seconds of uncounted load before the first round of a case. */
  readonly warmUpSeconds: number;
  readonly startUps: number;
  readonly fanOutWrites: number;
  readonly storedResponses: number;
}

export interface Options {
  readonly quick: boolean;
  readonly effort: Effort;
  /** Names of the cases to run; empty for all. */
  readonly cases: readonly string[];
  /** Another built checkout, measured as `before` in the same rounds. */
  readonly against: string | undefined;
  readonly pin: boolean;
}

const full: Effort = {
  rounds: 5,
  seconds: 4,
  warmUpSeconds: 2,
  startUps: 10,
  fanOutWrites: 40,
  storedResponses: 20_000,
};

/** A smoke run of under two minutes. Its figures are not a baseline. */
const quick: Effort = {
  rounds: 2,
  seconds: 0.7,
  warmUpSeconds: 0.4,
  startUps: 3,
  fanOutWrites: 5,
  storedResponses: 4_000,
};

export const usage = `npm run bench -- [options]

  --quick            a smoke run of under two minutes; its figures are not a baseline
  --case <cases>     run only these cases, comma-separated
  --against <dir>    also measure the build of another checkout, as "before"
  --no-pin           do not pin processes to cores
  --help             show this text`;

/** @throws TypeError for unknown options, with a message for the user */
export function parseOptions(argv: readonly string[], caseNames: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      case: { type: 'string', default: '' },
      against: { type: 'string' },
      'no-pin': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const cases = values.case.split(',').filter((name) => name !== '');
  for (const name of cases) {
    if (!caseNames.includes(name)) throw new TypeError(`unknown case "${name}". Cases: ${caseNames.join(', ')}`);
  }
  return {
    quick: values.quick,
    effort: values.quick ? quick : full,
    cases,
    against: values.against,
    pin: !values['no-pin'],
  };
}
