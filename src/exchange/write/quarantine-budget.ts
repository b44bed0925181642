import { charactersOf, coveringAll, type Sized } from '../../coherence/record-size.ts';
import { HeldByAddress } from '../held-by-address.ts';

/** The bound for all open quarantines of this node. One beyond it covers everything instead, which takes few bytes. */
const MAX_CHARACTERS = 64_000_000;
/**
 * The bound for one client address. Without it, a client that provokes 5xx with large bodies could have everything
 * quarantined. It is less than what a node remembers by name (coherence/quarantines.ts).
 */
const MAX_CHARACTERS_OF_ADDRESS = 8_000_000;

/** Counts what quarantines hold until they end: what they cover, and what is announced then. */
export class QuarantineBudget {
  readonly #max: { readonly characters: number; readonly ofAddress: number };
  readonly #ofAddress = new HeldByAddress();
  #held = 0;

  constructor(max = { characters: MAX_CHARACTERS, ofAddress: MAX_CHARACTERS_OF_ADDRESS }) {
    this.#max = max;
  }

  get held(): number {
    return this.#held;
  }

  /** Addresses with windows of indeterminate writes. */
  get addresses(): number {
    return this.#ofAddress.addresses;
  }

  /** Whether an address has not yet as many indeterminate writes in their windows as it may. */
  hasRoom(address: string): boolean {
    return this.#ofAddress.of(address) < this.#max.ofAddress;
  }

  /** The effect of a write, or what covers it where there is no room for that. */
  bounded<T extends Sized>(effect: T): T {
    return this.#held + charactersOf(effect) <= this.#max.characters ? effect : { ...effect, ...coveringAll(effect) };
  }

  /** Returns what gives it back (once). `address`: of an indeterminate write. */
  take(effect: Sized, address: string | undefined): () => void {
    const characters = charactersOf(effect);
    this.#count(characters, address);
    let open = true;
    return () => {
      if (open) this.#count(-characters, address);
      open = false;
    };
  }

  #count(characters: number, address: string | undefined): void {
    this.#held += characters;
    if (address !== undefined) this.#ofAddress.add(address, characters);
  }
}
