import type { Answer, Append, Batch, Bus, Entry, IntentNote, OpenQuarantine, Renewed } from './bus.ts';
import { BusOver } from './bus-over.ts';
import { everything } from './record.ts';
import { type Coverage, isPathTag, pathOfTag } from './tag.ts';
import { decodeRecord, encodeRecord } from './wire-record.ts';

/**
 * What a record of a node with another configuration covers here. Paths mean the same to both. Of a query it is not known how it
 * is keyed here, so its whole path is covered; and of a tag not which responses would have it, so everything is.
 */
export function widenForOthers({ tags, patterns, tagPatterns }: Coverage): Coverage {
  const all = [...tags];
  if (tagPatterns.length > 0 || all.some((tag) => tag.startsWith('t:'))) return everything;
  const paths = all.filter((tag) => !isPathTag(tag)).map(pathOfTag);
  return { tags, patterns: [...new Set([...patterns, ...paths])], tagPatterns };
}

/**
 * The bus of nodes that may have different configurations, as while a new one is deployed. Each record says by a fingerprint
 * which configuration its targets were made for, and is widened by whoever has another one: at the reader, so that it does not
 * matter when who hears of whom.
 */
export class ConfiguredBus extends BusOver {
  readonly #fingerprint: string;
  readonly #met: (fingerprint: string) => void;
  #last = '';

  /**
   * @param fingerprint of what decides by what a stored response can be covered: letters, digits, "-" and "_"
   * @param met called when records of another configuration begin to come
   */
  constructor(bus: Bus, fingerprint: string, met: (fingerprint: string) => void) {
    super(bus);
    this.#fingerprint = fingerprint;
    this.#met = met;
  }

  override append(...[epoch, member, append, contact]: Parameters<Bus['append']>): ReturnType<Bus['append']> {
    return this.bus.append(epoch, member, this.#signed<Append>(append), contact);
  }

  override intend(...[epoch, member, note]: Parameters<Bus['intend']>): ReturnType<Bus['intend']> {
    return this.bus.intend(epoch, member, this.#signed<IntentNote>(note));
  }

  override async renew(...args: Parameters<Bus['renew']>): Promise<Answer<Renewed>> {
    const answer = await this.bus.renew(...args);
    return answer.ok
      ? { ...answer, quarantines: answer.quarantines.map((quarantine) => this.#read<OpenQuarantine>(quarantine)) }
      : answer;
  }

  override async evict(...args: Parameters<Bus['evict']>): ReturnType<Bus['evict']> {
    const answer = await this.bus.evict(...args);
    return answer.ok
      ? { ...answer, orphans: answer.orphans.map((orphan) => this.#read<OpenQuarantine>(orphan)) }
      : answer;
  }

  override async read(...args: Parameters<Bus['read']>): Promise<Answer<Batch>> {
    const answer = await this.bus.read(...args);
    return answer.ok ? { ...answer, entries: answer.entries.map((entry) => this.#read<Entry>(entry)) } : answer;
  }

  #signed<T extends { readonly payload: string }>(of: T): T {
    return { ...of, payload: `${this.#fingerprint} ${of.payload}` };
  }

  #read<T extends { readonly payload: string }>(of: T): T & { readonly foreign?: true } {
    const [, by = '', payload = ''] = /^([\w-]*) ?(.*)$/s.exec(of.payload) ?? [];
    if (by === this.#fingerprint) return { ...of, payload };
    if (by !== this.#last) this.#met(by);
    this.#last = by;
    const record = decodeRecord(payload);
    return { ...of, payload: encodeRecord({ ...record, coverage: widenForOthers(record.coverage) }), foreign: true };
  }
}
