import { parseArgs } from 'node:util';
import type { LoadTool } from './generator/wrk.ts';
import { UsageError } from './usage-error.ts';

/** Durations and repetitions of the measurements. */
export interface Effort {
  /** Rounds per case. Each round measures every contender once. */
  readonly rounds: number;
  /** Seconds of load per contender and round. wrk rounds them to whole ones. */
  readonly seconds: number;
  /** Seconds of uncounted load before the first round of a case. */
  readonly warmUpSeconds: number;
  /** The warm-up is repeated until the contender has answered so many, within bounds. */
  readonly warmUpRequests: number;
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
  readonly before: string | undefined;
  /** A gateway that runs already, measured as `against` in the same rounds. */
  readonly against: URL | undefined;
  /** With an API of the user's own behind `against`: nothing of the bench's own is measured. */
  readonly own: OwnApi | undefined;
  /** The port of the bench's origin, for a gateway at `against` that forwards there; 0 for any. */
  readonly originPort: number;
  /** `undefined`: wrk where it is installed, and takes that length. */
  readonly generator: LoadTool | undefined;
  /** Where the chart is written in addition to `bench/results/`. */
  readonly chart: string | undefined;
  readonly pin: boolean;
}

export interface OwnApi {
  /** A `GET` of this path is the load. */
  readonly path: string;
  /** The API itself, measured as `direct`. */
  readonly api: URL | undefined;
  /** Requests per second of the open loop. */
  readonly rate: number;
}

export const fullEffort: Effort = {
  rounds: 5,
  seconds: 4,
  warmUpSeconds: 2,
  warmUpRequests: 20_000,
  startUps: 10,
  fanOutWrites: 40,
  storedResponses: 20_000,
};

/** A smoke run of under two minutes. Its figures are not a baseline. */
const quickEffort: Effort = {
  rounds: 1,
  seconds: 0.5,
  warmUpSeconds: 0.2,
  warmUpRequests: 0,
  startUps: 2,
  fanOutWrites: 5,
  storedResponses: 4_000,
};

const defaultRate = 1000;

export const usage = `npm run bench -- [options]

  --quick              a smoke run of under two minutes, of some cases unless --case names others; its figures are
                       not a baseline
  --case <cases>       run only these cases, comma-separated
  --rounds <n>         rounds per case (5; with --quick 1)
  --seconds <n>        seconds of load per contender and round (4; with --quick 0.5)
  --generator <tool>   wrk or autocannon, for closed loops. Without it, wrk where it is installed, and autocannon for
                       less than a second, as with --quick
  --chart <file>       also write the chart to this file (.svg)
  --no-pin             do not pin processes to cores
  --help               show this text

Comparing:
  --against <dir>      also measure the build of another checkout, as "before"
  --against <URL>      also measure a gateway that runs already, as "against". It has to forward to the bench's origin,
                       and to cache what that allows
  --origin-port <n>    where the bench's origin is to listen, for that gateway's configuration

A gateway and an API of your own, without any of the bench's:
  --against <URL> --path <path>   GET this path of your gateway: closed loop, 304s, and an open loop
  --api <URL>          also GET it of your API, as "direct"
  --rate <n>           requests per second of the open loop (${defaultRate})`;

/** @throws UsageError, or an error of Node's `parseArgs`, with a message for the user */
export function parseOptions(argv: readonly string[], caseNames: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      case: { type: 'string', default: '' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      generator: { type: 'string' },
      chart: { type: 'string' },
      against: { type: 'string', multiple: true, default: [] },
      'origin-port': { type: 'string' },
      path: { type: 'string' },
      api: { type: 'string' },
      rate: { type: 'string' },
      'no-pin': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const cases = values.case.split(',').filter((name) => name !== '');
  for (const name of cases) {
    if (!caseNames.includes(name)) throw new UsageError(`unknown case "${name}". Cases: ${caseNames.join(', ')}`);
  }
  const { generator, chart } = values;
  if (generator !== undefined && generator !== 'wrk' && generator !== 'autocannon') {
    throw new UsageError(`--generator is wrk or autocannon, not "${generator}"`);
  }
  if (chart !== undefined && !chart.endsWith('.svg'))
    throw new UsageError(`--chart is the name of an .svg file: ${chart}`);
  const usual = values.quick ? quickEffort : fullEffort;
  const effort = {
    ...usual,
    rounds: numberOf('--rounds', values.rounds, { least: 1, whole: true }) ?? usual.rounds,
    seconds: numberOf('--seconds', values.seconds, { least: 0.1 }) ?? usual.seconds,
  };
  const directories = values.against.filter((value) => !isUrl(value));
  const urls = values.against.filter(isUrl).map((value) => urlOf('--against', value));
  if (directories.length > 1 || urls.length > 1) throw new UsageError('--against takes one directory and one URL');
  const [against] = urls;
  return {
    quick: values.quick,
    effort,
    cases,
    before: directories[0],
    against,
    own: ownOf({ ...values, against, before: directories[0] }),
    originPort: numberOf('--origin-port', values['origin-port'], { least: 1, most: 65_535, whole: true }) ?? 0,
    generator,
    chart,
    pin: !values['no-pin'],
  };
}

interface OwnValues {
  readonly path?: string | undefined;
  readonly api?: string | undefined;
  readonly rate?: string | undefined;
  readonly against: URL | undefined;
  readonly before: string | undefined;
  readonly case: string;
}

function ownOf({ path, api, rate, against, before, case: cases }: OwnValues): OwnApi | undefined {
  if (path === undefined) {
    if (api !== undefined) throw new UsageError('--api needs --path: what to GET there');
    if (rate !== undefined) throw new UsageError('--rate is for a gateway of your own: it needs --against and --path');
    return undefined;
  }
  if (against === undefined) throw new UsageError('--path needs --against <URL>: the gateway to measure');
  if (before !== undefined) throw new UsageError('--path measures your gateway only: leave --against <dir> out');
  if (cases !== '') throw new UsageError('--path has cases of its own: leave --case out');
  if (!path.startsWith('/') || /[^\x21-\x7e]/.test(path)) {
    throw new UsageError(`--path begins with a slash, and is encoded as on the wire: ${path}`);
  }
  return {
    path,
    api: api === undefined ? undefined : urlOf('--api', api),
    rate: numberOf('--rate', rate, { least: 1 }) ?? defaultRate,
  };
}

const isUrl = (value: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(value);

/** An origin: scheme, host and port. The paths are the cases'. */
function urlOf(option: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'http:')
    throw new UsageError(`${option}: "${value}" is not an http: URL; the bench has no TLS`);
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new UsageError(`${option}: only scheme, host and port, as in ${url.origin}`);
  }
  return url;
}

interface Range {
  readonly least: number;
  readonly most?: number;
  readonly whole?: boolean;
}

function numberOf(option: string, value: string | undefined, range: Range): number | undefined {
  if (value === undefined) return undefined;
  const { least, most = Number.MAX_SAFE_INTEGER, whole = false } = range;
  const number = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most && (!whole || Number.isInteger(number))) return number;
  throw new UsageError(`${option}: "${value}" is not a ${whole ? 'whole ' : ''}number from ${least}`);
}
