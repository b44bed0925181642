import { resyncOf } from './resync.ts';
import type { Listeners, Resync, UnstaleEvent } from './types.ts';

type Name = keyof Listeners;
type Listener<K extends Name> = (value: Listeners[K]) => void;

/** Who is told what. */
export class Told {
  readonly #listeners: { [K in Name]: Set<Listener<K>> } = {
    event: new Set(),
    resync: new Set(),
    state: new Set(),
    warning: new Set(),
  };

  /** Returns what removes it. */
  on<K extends Name>(name: K, listener: Listener<K>): () => void {
    // A function of its own: the same listener may be added twice.
    const added: Listener<K> = (value) => listener(value);
    this.#listeners[name].add(added);
    return () => void this.#listeners[name].delete(added);
  }

  tell<K extends Name>(name: K, value: Listeners[K]): void {
    const listeners = this.#listeners[name];
    if (name === 'warning' && listeners.size === 0) onConsole(value);
    for (const listener of [...listeners]) {
      try {
        listener(value);
      } catch (error) {
        // A listener of warnings that throws is not told of that.
        if (name === 'warning') onConsole(error);
        else this.tell('warning', { code: 'listener', message: `a listener of ${name} threw`, ...idOf(value), error });
      }
    }
  }
}

/** Where nobody listens: nothing fails silently. */
export function onConsole(what: unknown): void {
  // biome-ignore lint/suspicious/noConsole: it is meant for it
  console.warn('unstale:', what);
}

const idOf = (value: object): { id?: string } =>
  'id' in value && typeof value.id === 'string' ? { id: value.id } : {};

type Item = UnstaleEvent | Resync;

/** What an iterator has not read yet. */
export class Backlog {
  readonly #max: number;
  #items: Item[] = [];
  #wake: (() => void) | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  put(item: Item): void {
    if (this.#items.length < this.#max) this.#items.push(item);
    else {
      // A resync does not say how things stand.
      const statuses = new Map<unknown, Item>();
      for (const each of [...this.#items, item]) if ('isStatus' in each) statuses.set(each.tags[0], each);
      this.#items = [resyncOf(item.id, 'overflow'), ...statuses.values()];
    }
    this.wake();
  }

  take(): Item | undefined {
    return this.#items.shift();
  }

  wake(): void {
    this.#wake?.();
  }

  /** Until something is put, or it is woken. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
