import { configurationMark, type IntentNote } from './bus.ts';

/** The intents that other writes have to wait for, by the terms that they post. */
export class PostedIntents {
  /** Term → the intents that post it. */
  readonly #ids = new Map<string, Set<string>>();
  /** Terms of the configurations that these intents were noted under. */
  readonly #configurations = new Set<string>();

  add({ id, posts }: IntentNote): void {
    for (const term of termsIn(posts)) {
      if (isConfiguration(term)) this.#configurations.add(term);
      const ids = this.#ids.get(term);
      if (ids === undefined) this.#ids.set(term, new Set([id]));
      else ids.add(id);
    }
  }

  /** @param note undefined if there is none, or no more */
  remove(note: IntentNote | undefined): void {
    if (note === undefined) return;
    for (const term of termsIn(note.posts)) {
      const ids = this.#ids.get(term);
      ids?.delete(note.id);
      if (ids?.size !== 0) continue;
      this.#ids.delete(term);
      this.#configurations.delete(term);
    }
  }

  /** Those with at least one of the encoded terms, or of another configuration than is probed for. */
  conflicting(probes: string): Set<string> {
    const found = new Set<string>();
    for (const probe of termsIn(probes)) {
      const terms = isConfiguration(probe) ? [...this.#configurations].filter((term) => term !== probe) : [probe];
      for (const term of terms) for (const id of this.#ids.get(term) ?? []) found.add(id);
    }
    return found;
  }

  get configurations(): string[] {
    return [...this.#configurations];
  }
}

export function termsIn(encoded = ''): string[] {
  return encoded === '' ? [] : encoded.split(',');
}

export const isConfiguration = (term: string): boolean => term.startsWith(configurationMark);
