import type { Preparation } from '../../store/stored-response.ts';

/** Something of which a form may be prepared. */
export interface Holder {
  prepared?: Preparation | 'none' | undefined;
}

export interface PreparedForm extends Preparation {
  /** It was asked for since it was last looked at. */
  isUsed: boolean;
}

interface Entry {
  readonly holder: WeakRef<Holder>;
  readonly bytes: number;
}

/** So many in use are passed over to make room for one. */
const MOST_SPARED = 8;

/**
 * Bounds what is prepared of many objects. Each of them holds its own, which a hit reaches sooner than an entry of a
 * map. To make room, what was prepared first is forgotten first, unless it was asked for since (the clock algorithm:
 * Corbató, "A Paging Experiment with the Multics System", 1968).
 */
export class PreparedForms {
  readonly #maxBytes: number;
  #bytes = 0;
  /** In the order in which they are looked at, from `#next` on; then `#later`. */
  #sooner: Entry[] = [];
  #next = 0;
  #later: Entry[] = [];

  /** @param maxBytes of all forms together, but for the newest one */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Prepares the form of a holder that has none. */
  add(holder: Holder, form: PreparedForm, bytes: number): void {
    holder.prepared = form;
    this.#bytes += bytes;
    for (let spared = 0; this.#bytes > this.#maxBytes; ) {
      const entry = this.#oldest();
      if (entry === undefined) break;
      const held = entry.holder.deref();
      const old = held?.prepared as PreparedForm | undefined;
      if (old?.isUsed === true && spared < MOST_SPARED) {
        spared += 1;
        old.isUsed = false;
        this.#later.push(entry);
        continue;
      }
      old?.retire();
      if (held !== undefined) held.prepared = undefined;
      this.#bytes -= entry.bytes;
    }
    this.#later.push({ holder: new WeakRef(holder), bytes });
  }

  #oldest(): Entry | undefined {
    if (this.#next === this.#sooner.length) {
      this.#sooner = this.#later;
      this.#later = [];
      this.#next = 0;
    }
    const entry = this.#sooner[this.#next];
    if (entry !== undefined) this.#next += 1;
    return entry;
  }
}
