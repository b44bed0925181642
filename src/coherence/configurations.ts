import {
  type Batch,
  type Bus,
  configurationMark,
  type Entry,
  type OpenQuarantine,
  type Renewed,
  type Step,
  type StepResult,
} from './bus.ts';
import { BusOver } from './bus-over.ts';
import { everything } from './record.ts';
import { type Coverage, isPathTag, pathOfTag } from './tag.ts';
import { decodeRecord, encodeRecord } from './wire-record.ts';
import { turnMark } from './write-set.ts';

/**
 * What a record of a node with another configuration covers here. Paths mean the same under both configurations. A
 * query may be keyed in another way here, so its whole path is covered. A tag may belong to other responses here, so
 * the record covers everything.
 */
export function widenForOthers({ tags, patterns, tagPatterns }: Coverage): Coverage {
  const all = [...tags];
  if (tagPatterns.length > 0 || all.some((tag) => tag.startsWith('t:'))) return everything;
  const paths = all.filter((tag) => !isPathTag(tag)).map(pathOfTag);
  return { tags, patterns: [...new Set([...patterns, ...paths])], tagPatterns };
}

/** Reads the records of nodes with another configuration. */
export interface ForeignReader {
  /** Adds the folded forms of its paths under the own configuration: a node that ignores nothing adds none. */
  folded(coverage: Coverage): Coverage;
  /** Called when records of another configuration begin to arrive. */
  otherMet(fingerprint: string): void;
}

/**
 * The bus of nodes whose configurations may differ, as during a deployment. Each record carries a fingerprint of the
 * configuration that its targets were made for. A reader with another configuration widens the record, so nodes need
 * not know of each other. Which tags may be equal is only known under one configuration, so writes under different ones
 * conflict.
 */
export class ConfiguredBus extends BusOver {
  readonly #fingerprint: string;
  readonly #own: string;
  readonly #reader: ForeignReader;
  #last = '';

  /**
   * @param fingerprints letters, digits, "-", "_"; `targets` is of what decides what covers a response, `terms` of what
   *   decides which terms a write posts and probes for
   */
  constructor(bus: Bus, { targets, terms }: { targets: string; terms: string }, reader: ForeignReader) {
    super(bus);
    this.#fingerprint = targets;
    this.#own = configurationMark + terms;
    this.#reader = reader;
  }

  override group(...[epoch, member, steps, contact]: Parameters<Bus['group']>): ReturnType<Bus['group']> {
    return this.bus.group(
      epoch,
      member,
      steps.map((step) => this.#configured(step)),
      contact,
    );
  }

  override async renew(...args: Parameters<Bus['renew']>): Promise<StepResult<Renewed>> {
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

  override async read(...args: Parameters<Bus['read']>): Promise<StepResult<Batch>> {
    const answer = await this.bus.read(...args);
    return answer.ok ? { ...answer, entries: answer.entries.map((entry) => this.#read<Entry>(entry)) } : answer;
  }

  #configured(step: Step): Step {
    switch (step.kind) {
      case 'append': {
        const { probes, posts = '' } = step.append;
        // Without probes, no conflicts are searched for.
        const terms = { probes: probes === '' ? '' : this.#withOwn(probes), posts: this.#withOwn(posts) };
        return { kind: 'append', append: { ...step.append, ...terms, payload: this.#signed(step.append.payload) } };
      }
      case 'intend': {
        const posts = this.#withOwn(step.note.posts);
        return { kind: 'intend', note: { ...step.note, posts, payload: this.#signed(step.note.payload) } };
      }
      case 'conflicting':
        return { ...step, probes: this.#withOwn(step.probes) };
      default:
        return step;
    }
  }

  #withOwn(terms: string): string {
    if (terms.startsWith(turnMark)) return terms;
    return terms === '' ? this.#own : `${this.#own},${terms}`;
  }

  #signed(payload: string): string {
    return `${this.#fingerprint} ${payload}`;
  }

  #read<T extends { readonly payload: string }>(message: T): T & { readonly foreign?: true } {
    const [, fingerprint = '', payload = ''] = /^([\w-]*) ?(.*)$/s.exec(message.payload) ?? [];
    if (fingerprint === this.#fingerprint) return { ...message, payload };
    if (fingerprint !== this.#last) this.#reader.otherMet(fingerprint);
    this.#last = fingerprint;
    const record = decodeRecord(payload);
    const coverage = widenForOthers(this.#reader.folded(record.coverage));
    return { ...message, payload: encodeRecord({ ...record, coverage }), foreign: true };
  }
}
