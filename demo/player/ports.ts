import { createServer } from 'node:net';

/** A port that the demo needs, and the option that moves it. */
export interface WantedPort {
  /** "the gateway" */
  readonly who: string;
  readonly option: string;
  readonly host: string;
  readonly port: number;
}

/** How far above a port that cannot be had another one is looked for. */
const MAX_STEPS = 50;

/**
 * Which of the ports cannot be had, and one command that avoids them; empty when all can. Asked before anything starts:
 * who has to change a port should not have waited for a database first.
 */
export async function explainTakenPorts(wanted: readonly WantedPort[]): Promise<string> {
  const lines: string[] = [];
  const options: string[] = [];
  const named = new Set(wanted.map(({ port }) => port));
  for (const { who, option, host, port } of wanted) {
    const reason = await whyNot(host, port);
    if (reason === undefined) continue;
    lines.push(`Port ${port} ${reason}: ${who} cannot listen there.`);
    options.push(`${option} ${await freePortAbove(host, port, named)}`);
  }
  if (lines.length === 0) return '';
  return [...lines, 'Free it, or choose another:', '', `  npm run demo -- ${options.join(' ')}`].join('\n');
}

/** 0 when there is none near: it lets the system choose. */
async function freePortAbove(host: string, port: number, named: Set<number>): Promise<number> {
  for (let next = port + 1; next <= Math.min(port + MAX_STEPS, 65_535); next++) {
    if (named.has(next) || (await whyNot(host, next)) !== undefined) continue;
    named.add(next);
    return next;
  }
  return 0;
}

/** Undefined for a port that can be listened on: it was, for a moment. */
function whyNot(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(reasons[error.code ?? ''] ?? error.message));
    probe.listen({ port, ...(host === '' ? {} : { host }) }, () => probe.close(() => resolve(undefined)));
  });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EACCES: 'is for privileged users only',
  EADDRNOTAVAIL: 'belongs to an address that this machine does not have',
};
