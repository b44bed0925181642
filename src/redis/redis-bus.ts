import type { Cluster, Redis } from 'ioredis';
import {
  type Batch,
  type Bus,
  type BusNote,
  type Contact,
  type Entry,
  type GroupResult,
  type Member,
  noContact,
  type OpenQuarantine,
  type Renewal,
  type Renewed,
  type Seq,
  type Step,
  type StepAnswer,
  type StepResult,
} from '../coherence/bus.ts';
import { hangUp } from './redis-connection.ts';
import { type ScriptName, scripts } from './scripts.ts';

/** How long a read waits for new entries. A node that waits at the log of a past epoch loses as much. */
const BLOCK_MS = 100;
/** After that the connection counts as dead: a read without an answer would hold the node back until TCP gives up. */
const READ_GRACE_MS = 1_000;
const MAX_BATCH = 512;

export interface RedisBusOptions {
  /** For steps. `commandTimeout` well below a lease; no offline queue and no retries, because the protocol retries. */
  readonly commands: Redis | Cluster;
  /** For blocking reads: nothing else may use it. */
  readonly blocking: Redis | Cluster;
  readonly prefix: string;
  /** Gateways that share a Redis but not a log have different scopes. */
  readonly scope: string;
}

/** The bus on a Redis stream, with one script for each step (scripts.ts). */
export class RedisBus implements Bus {
  readonly #options: RedisBusOptions;

  constructor(options: RedisBusOptions) {
    this.#options = options;
  }

  async createEpoch(nonce: string, leaseMs: number): Promise<void> {
    await this.#run('createEpoch', nonce, [leaseMs]);
  }

  async renew(epoch: string, renewal: Renewal, contact = noContact): Promise<StepResult<Renewed>> {
    const { member, applied, appliedRef, intentsFrom, recordsFrom, quarantines } = renewal;
    const appliedArgs = [applied ?? '', appliedRef ?? ''];
    const args = [member, textOf(contact), ...appliedArgs, intentsFrom, recordsFrom, quarantines ? 1 : 0];
    return answer(await this.#run('renew', epoch, args), (reply) => ({
      seq: Number(reply[1]),
      first: Number(reply[2]),
      committed: Number(reply[3]),
      note: Number(reply[4]),
      leaseMs: Number(reply[5]),
      joined: reply[6] === 1,
      members: pairs(reply[7]).map(([id, text]) => memberOf(id, text)),
      quarantines: pairs(reply[8]).map(([seq, text]) => quarantineOf(seq, text)),
      unpublished: Number(reply[9]),
    }));
  }

  async group(
    epoch: string,
    member: string,
    steps: readonly Step[],
    contact = noContact,
  ): Promise<StepResult<GroupResult>> {
    const args: (string | number)[] = [member, textOf(contact)];
    for (const step of steps) args.push(...argumentsOf(step));
    return answer(await this.#run('group', epoch, args), ([, answers]) => ({
      answers: steps.map((step, i) => answerTo(step, (answers as (unknown[] | string)[])[i])),
    }));
  }

  async evict(epoch: string, by: string, { id, beat }: Pick<Member, 'id' | 'beat'>) {
    return answer(await this.#run('evict', epoch, [by, id, beat]), (reply) => ({
      orphans: pairs(reply[1]).map(([seq, text]) => quarantineOf(seq, text)),
    }));
  }
  // The stream of an old epoch gets no more entries: a node learns of a new epoch by its renewals.
  async published(epoch: string, seq: Seq): Promise<StepResult> {
    return answer(await this.#run('published', epoch, [seq]), () => ({}));
  }

  // An old epoch's stream says nothing any longer: it is by its renewals that a node learns of a new one.
  async read(epoch: string, after: Seq, note: number): Promise<StepResult<Batch>> {
    const { blocking } = this.#options;
    const log = this.#key(`log:${epoch}`);
    const streams = [log, this.#key(`notes:${epoch}`), `${after}-0`, `${note}-0`];
    const timer = setTimeout(() => hangUp(blocking), BLOCK_MS + READ_GRACE_MS).unref();
    try {
      const reply = await blocking.call('XREAD', 'COUNT', MAX_BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', ...streams);
      return { ok: true, ...batchOf(streamsOf(reply), log, note) };
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(step: ScriptName, epoch: string, args: readonly (string | number)[]): Promise<Reply> {
    const { commands } = this.#options;
    const names = ['state', 'members', 'intents', 'refs', 'quarantines', 'terms', `log:${epoch}`, `notes:${epoch}`];
    const rest = [names.length, ...names.map((name) => this.#key(name)), epoch, ...args];
    const { lua, sha } = scripts[step];
    try {
      return (await commands.call('EVALSHA', sha, ...rest)) as Reply;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return (await commands.call('EVAL', lua, ...rest)) as Reply;
    }
  }

  #key(name: string): string {
    return `${this.#options.prefix}:{${this.#options.scope}}:${name}`;
  }
}

type Reply = [number, ...unknown[]];
type Streams = [string, [string, string[]][]][];

/** RESP2 answers with pairs, RESP3 with a map, which the client gives as a flat list. */
function streamsOf(reply: unknown): Streams {
  if (!Array.isArray(reply)) return [];
  if (Array.isArray(reply[0])) return reply as Streams;
  return reply.flatMap((key, i) => (i % 2 === 0 ? [[key, reply[i + 1]]] : [])) as Streams;
}

function answer<T extends object>(reply: Reply, read: (reply: Reply) => T): StepResult<T> {
  if (reply[0] === 1) return { ok: true, ...read(reply) };
  const epoch = String(reply[1]);
  return { ok: false, epoch: epoch === '' ? null : epoch };
}

function textOf({ number, answered, seq, held }: Contact): string {
  return `${number} ${answered} ${seq} ${held ? 1 : 0}`;
}

/** A step as the script reads it: its kind, then its arguments. */
function argumentsOf(step: Step): (string | number)[] {
  switch (step.kind) {
    case 'append': {
      const { payload, ref, intent, probes, asOf, hold, quarantine, endsQuarantine, posts = '' } = step.append;
      const asks = [intent ?? '', probes, hold ? 1 : 0, asOf];
      return [step.kind, payload, ref, ...asks, quarantine ? 1 : 0, endsQuarantine ?? '', posts];
    }
    case 'intend': {
      const { id, posts, payload, recorded } = step.note;
      return [step.kind, id, posts, payload, recorded ? 1 : 0];
    }
    case 'withdraw':
      return [step.kind, step.intent];
    case 'conflicting':
      return [step.kind, step.intent, step.probes];
    case 'ack':
      return [step.kind, step.applied];
  }
}

/** @param reply a text if the step failed */
function answerTo({ kind }: Step, reply: unknown[] | string | undefined): StepAnswer {
  if (!Array.isArray(reply)) return { kind: 'failed', reason: reply ?? 'the step was not answered' };
  switch (kind) {
    case 'append':
      return { kind, seq: Number(reply[0]), conflicting: reply[1] as string[], held: reply[2] === 1 };
    case 'conflicting':
      return { kind, seq: Number(reply[0]), conflicting: reply[1] as string[] };
    case 'ack':
      return { kind, committed: Number(reply[0]) };
    default:
      return { kind };
  }
}

function pairs(flat: unknown): [string, string][] {
  const texts = flat as string[];
  return texts.flatMap((text, i) => (i % 2 === 0 ? [[text, texts[i + 1] ?? ''] as [string, string]] : []));
}

function memberOf(id: string, text: string): Member {
  const [beat, applied] = text.split(' ');
  return { id, beat: Number(beat), applied: Number(applied) };
}

function quarantineOf(seq: string, text: string): OpenQuarantine {
  const space = text.indexOf(' ');
  return { seq: Number(seq), owner: text.slice(0, space), payload: text.slice(space + 1) };
}

function batchOf(streams: Streams, log: string, before: number): Batch {
  const entries: Entry[] = [];
  const notes: BusNote[] = [];
  let note = before;
  for (const [stream, lines] of streams) {
    for (const [id, fields] of lines) {
      const number = Number(id.slice(0, id.indexOf('-')));
      if (stream === log) {
        const [, payload = '', , ref = '', , intent = '', , again = '', , held = '', , posts = ''] = fields;
        entries.push({
          seq: number,
          payload,
          ref: ref === '' ? undefined : ref,
          intent: intent === '' ? undefined : intent,
          again: again === '' ? undefined : true,
          held: held === '' ? undefined : true,
          posts: posts === '' ? undefined : posts,
        });
        continue;
      }
      const [kind, what = ''] = fields;
      notes.push(noteOf(kind, what));
      note = number;
    }
  }
  return { entries, notes, note };
}

function noteOf(kind: string | undefined, what: string): BusNote {
  if (kind === 'c') return { kind: 'committed', seq: Number(what) };
  if (kind === 'w') return { kind: 'withdrawn', intent: what };
  const end = what.indexOf(' ');
  return { kind: 'recorded', seq: Number(what.slice(0, end)), intent: what.slice(end + 1) };
}
