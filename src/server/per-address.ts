import type { ClientRequest } from '../exchange/ports.ts';
import { clientView } from '../http/forwarded.ts';
import { clientOf } from './addresses.ts';

/** Counts what each client address holds, so that no single one takes what all clients share. */
export class PerAddress {
  readonly #max: number;
  readonly #held = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** How many addresses hold anything. */
  get size(): number {
    return this.#held.size;
  }

  /** Returns a function that gives it back, once; undefined where the address holds as many as it may. */
  take(address: string): (() => void) | undefined {
    const held = this.#held.get(address) ?? 0;
    if (held >= this.#max) return undefined;
    this.#held.set(address, held + 1);
    let open = true;
    return () => {
      if (open) this.#giveBack(address);
      open = false;
    };
  }

  #giveBack(address: string): void {
    const held = (this.#held.get(address) ?? 0) - 1;
    if (held > 0) this.#held.set(address, held);
    else this.#held.delete(address);
  }
}

/**
 * The address that a client counts as: the one that a trusted proxy forwards, else the peer's. All clients of a proxy
 * that forwards none count as one. For IPv6 the /64 network counts: one host can use every address in it.
 */
export function addressOf({ headers, peer, trusted, scheme, host }: ClientRequest): string {
  const { address } = clientView(headers.lines, { peer, trusted, scheme, host });
  return clientOf(address === '' ? peer : address);
}
