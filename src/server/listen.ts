import type { FastifyInstance } from 'fastify';
import type { Address } from '../config/model.ts';

/** Connections that wait to be accepted. */
const BACKLOG = 1_024;

/**
 * Listens on the address of a setting.
 * @throws Error that says what is wrong with the address, and what to do
 */
export async function listen(app: FastifyInstance, setting: string, { host, port }: Address): Promise<void> {
  try {
    await app.listen({ host, port, backlog: BACKLOG });
  } catch (error) {
    const reason = reasons[(error as NodeJS.ErrnoException).code ?? ''];
    if (reason === undefined) throw error;
    throw new Error(`${setting}: ${host}:${port} ${reason}`, { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program: stop it, or set another port',
  EACCES: 'is for privileged users only: set a port above 1023',
  EADDRNOTAVAIL: 'is on an address that this machine does not have',
};
