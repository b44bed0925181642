import { createServer } from 'node:net';

/** A port that the demo needs, and the option that changes it. */
export interface WantedPort {
  /** For example "the gateway". */
  readonly who: string;
  readonly option: string;
  readonly host: string;
  readonly port: number;
}

/** How many ports above an unavailable one are tried. */
const MAX_STEPS = 50;

/**
 * Explains which ports are unavailable, and gives one command that avoids them. Empty if all are available. Called
 * before anything starts, so that the user learns of it without waiting for the database.
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
  return [...lines, 'Free the port or choose another one:', '', `  npm run demo -- ${options.join(' ')}`].join('\n');
}

/** The next free port; 0, which lets the system choose, if there is none nearby. */
async function freePortAbove(host: string, port: number, named: Set<number>): Promise<number> {
  for (let next = port + 1; next <= Math.min(port + MAX_STEPS, 65_535); next++) {
    if (named.has(next) || (await whyNot(host, next)) !== undefined) continue;
    named.add(next);
    return next;
  }
  return 0;
}

/** Why a port is unavailable; undefined if it is available. Listens on it briefly to find out. */
function whyNot(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(reasons[error.code ?? ''] ?? error.message));
    probe.listen({ port, ...(host === '' ? {} : { host }) }, () => probe.close(() => resolve(undefined)));
  });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  EACCES: 'is for privileged users only',
  EADDRNOTAVAIL: 'is on an address that this machine does not have',
};
