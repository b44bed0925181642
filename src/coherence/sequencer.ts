import {
  type Answer,
  type Append,
  type Appended,
  type Batch,
  type Contact,
  type Elsewhere,
  type Entry,
  type IntentNote,
  logBounds,
  type Member,
  type Note,
  noContact,
  type OpenDoubt,
  type Renewal,
  type Renewed,
  type Seq,
} from './bus.ts';
import { isSetBack } from './epoch.ts';
import { isAmong } from './places.ts';

const MAX_NOTES = 1_000;

/**
 * A member that never applies anything, put there by a new epoch: until it has been silent for a lease, during which every
 * lease of the old epoch runs out, no record is committed by acknowledgements alone (coherence.md, invariant 9).
 */
const barrier = '(barrier)';

/** In place of a member: what was repeated, and is not known to the second tier yet. No member is named so. */
const again = '(again)';

interface Known {
  renewed: boolean;
  beat: number;
  applied: Seq;
  intentsFrom: number;
  recordsFrom: number;
  /** The highest number of its steps. */
  contact: number;
}

function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf(':') + 1));
}

/** The steps of a bus over plain state in memory. src/redis/scripts.ts says the same in Lua. */
export class Sequencer {
  #epoch: string | null = null;
  #leaseMs = 0;
  #asked = 0;
  #seq: Seq = 0;
  #committed: Seq = 0;
  #entries: Entry[] = [];
  /** Of their payloads. */
  #bytes = 0;
  #notes: Note[] = [];
  #note = 0;
  #beats = 0;
  #doubts = new Map<Seq, OpenDoubt>();
  readonly #members = new Map<string, Known>();
  /** What members have appended, until they know it and it is known to the second tier; and what is to be made known for the dead. */
  readonly #refs = new Map<string, { readonly seq: Seq; readonly doubt: boolean }>();
  readonly #intents = new Map<string, IntentNote & { readonly member: string }>();

  /** The state is not what the nodes saw (a restart, a failover): what is kept of it belongs to no epoch. */
  invalidate(): void {
    this.#epoch = null;
  }

  found(nonce: string, leaseMs: number): void {
    if (this.#epoch !== null) return;
    this.#epoch = nonce;
    // The barrier has to outlast the leases of the old epoch.
    this.#leaseMs = Math.max(leaseMs, this.#asked);
    this.#asked = leaseMs;
    this.#seq = 0;
    this.#committed = 0;
    this.#entries = [];
    this.#bytes = 0;
    this.#notes = [];
    this.#note = 0;
    this.#doubts = new Map();
    this.#refs.clear();
    // Who was a member may have left intents: they are taken over when it does not come back.
    for (const member of this.#members.values()) member.applied = -1;
    this.raiseBarrier();
  }

  protected raiseBarrier(): void {
    this.#known(barrier);
  }

  renew(epoch: string, renewal: Renewal, contact = noContact): Answer<Renewed> {
    const { member: id, applied, intentsFrom, recordsFrom, doubts } = renewal;
    if (epoch !== this.#epoch) return this.#elsewhere(epoch);
    if (this.lacks(id, contact) || this.#isAnother(renewal)) return this.#void();
    const member = this.#members.get(id);
    // Who joins empty-handed says by its first acknowledgement that it has applied all: this renewal may be a late copy.
    this.#members.set(id, {
      renewed: true,
      beat: this.#nextBeat(),
      applied: Math.max(applied ?? -1, member?.applied ?? -1),
      intentsFrom: Math.max(intentsFrom, member?.intentsFrom ?? 0),
      recordsFrom: Math.max(recordsFrom, member?.recordsFrom ?? 0),
      contact: Math.max(contact.number, member?.contact ?? 0),
    });
    for (const intent of [...this.#intents.values()]) {
      if (intent.member === id && numberOf(intent.id) < intentsFrom) this.withdraw(epoch, intent.id);
    }
    for (const ref of [...this.#refs.keys()]) {
      if (ref.startsWith(`${id}:`) && numberOf(ref) < recordsFrom) this.#refs.delete(ref);
    }
    this.#commit();
    return {
      ok: true,
      seq: this.#seq,
      first: this.#entries[0]?.seq ?? this.#seq + 1,
      committed: this.#committed,
      unpublished: [...this.#refs.values()].reduce((lowest, { seq }) => Math.min(lowest, seq), this.#seq + 1),
      note: this.#note,
      leaseMs: this.#leaseMs,
      members: this.members,
      joined: member === undefined || !member.renewed,
      doubts: doubts ? [...this.#doubts.values()] : [],
    };
  }

  append(epoch: string, member: string, append: Append, contact = noContact): Answer<Appended> {
    if (epoch !== this.#epoch) return this.#elsewhere(epoch);
    if (this.lacks(member, contact)) return this.#void();
    const { payload, ref, intent, doubt, settled } = append;
    const beside: string[] = [];
    // Nobody waits for the answer to a late copy.
    const appending = this.#known(member);
    appending.contact = Math.max(appending.contact, contact.number);
    if (numberOf(ref) < appending.recordsFrom) return { ok: true, seq: 0, beside };
    if (intent !== undefined) {
      if (!intent.kept) this.#intents.delete(intent.id);
      const asked = intent.dependsOn.length > 0 ? this.#intents : [];
      for (const [id, { places }] of asked) {
        if (id !== intent.id && intent.dependsOn.some((resource) => isAmong(resource, places))) beside.push(id);
      }
    }
    const known = this.#refs.get(ref);
    if (known !== undefined) return { ok: true, seq: known.seq, beside };
    const seq = this.#push({ payload, ref, ...(intent?.kept === false && { intent: intent.id }) });
    this.#refs.set(ref, { seq, doubt });
    if (doubt) this.#doubts.set(seq, { seq, payload, owner: member });
    if (settled !== undefined) this.#doubts.delete(settled);
    return { ok: true, seq, beside };
  }

  ack(epoch: string, id: string, applied: Seq, contact = noContact): Answer<{ committed: Seq }> {
    if (epoch !== this.#epoch) return this.#elsewhere(epoch);
    if (this.lacks(id, contact)) return this.#void();
    const member = this.#members.get(id);
    if (member !== undefined) {
      member.applied = Math.max(member.applied, applied);
      member.contact = Math.max(member.contact, contact.number);
    }
    this.#commit();
    return { ok: true, committed: this.#committed };
  }

  intend(epoch: string, member: string, note: IntentNote): Answer {
    if (epoch !== this.#epoch) return this.#elsewhere(epoch);
    if (numberOf(note.id) >= this.#known(member).intentsFrom) this.#intents.set(note.id, { ...note, member });
    return { ok: true };
  }

  withdraw(epoch: string, intent: string): Answer {
    if (epoch !== this.#epoch) return this.#elsewhere(epoch);
    if (this.#intents.delete(intent)) this.#tell({ kind: 'withdrawn', intent });
    return { ok: true };
  }

  evict(epoch: string, by: string, silent: Pick<Member, 'id' | 'beat'>): Answer<{ orphans: OpenDoubt[] }> {
    if (epoch !== this.#epoch) return this.#elsewhere(epoch);
    if (this.#members.get(silent.id)?.beat !== silent.beat) return { ok: true, orphans: [] };
    // Who leaves by itself leaves nothing that nobody else would finish.
    if (by === '' && this.#leavesWork(silent.id)) return { ok: true, orphans: [] };
    this.#members.delete(silent.id);
    this.repeat(by, silent.id);
    const orphans: OpenDoubt[] = [];
    for (const doubt of this.#doubts.values()) {
      if (doubt.owner !== silent.id) continue;
      const orphan = { ...doubt, owner: by };
      this.#doubts.set(doubt.seq, orphan);
      orphans.push(orphan);
    }
    for (const { id, member, payload } of this.#intents.values()) {
      if (member !== silent.id) continue;
      this.#intents.delete(id);
      const seq = this.#push({ payload, intent: id });
      const orphan = { seq, payload, owner: by };
      this.#doubts.set(seq, orphan);
      orphans.push(orphan);
    }
    this.#commit();
    return { ok: true, orphans };
  }

  published(epoch: string, seq: Seq): Answer {
    if (epoch !== this.#epoch) return this.#elsewhere(epoch);
    this.#refs.delete(`${again}:${seq}`);
    return { ok: true };
  }

  read(epoch: string, after: Seq, note: number): Answer<Batch> {
    if (epoch !== this.#epoch) return this.#elsewhere(epoch);
    const oldest = this.#entries[0]?.seq ?? 0;
    const missed = Math.max(0, after + 1 - oldest);
    const told = Math.max(0, this.#notes.length - (this.#note - note));
    return { ok: true, entries: this.#entries.slice(missed), notes: this.#notes.slice(told), note: this.#note };
  }

  /** As an operator's trimming would. */
  trim(keep: number): void {
    this.#entries = keep === 0 ? [] : this.#entries.slice(-keep);
    this.#bytes = this.#entries.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
  }

  get members(): Member[] {
    return [...this.#members].map(([id, { beat, applied }]) => ({ id, beat, applied }));
  }

  get intents(): string[] {
    return [...this.#intents.keys()];
  }

  /** Who leaves anything here is a member, or becomes one: so that others finish it when he does not come back. */
  #known(id: string): Known {
    let member = this.#members.get(id);
    if (member === undefined) {
      member = { renewed: false, beat: this.#nextBeat(), applied: -1, intentsFrom: 0, recordsFrom: 0, contact: 0 };
      this.#members.set(id, member);
    }
    return member;
  }

  /** Never repeated: who compares beats must not take one of a member that has returned for its old one. */
  #nextBeat(): number {
    this.#beats += 1;
    return this.#beats;
  }

  #leavesWork(id: string): boolean {
    const intents = [...this.#intents.values()].some(({ member }) => member === id);
    return intents || [...this.#doubts.values()].some(({ owner }) => owner === id);
  }

  /** A record in doubt is not: until the one that settles it, it keeps everything it hits out of every tier. */
  protected repeat(by: string, gone: string): void {
    const left = [...this.#refs].filter(
      ([ref]) => ref.startsWith(`${gone}:`) || (by !== '' && ref.startsWith(`${again}:`)),
    );
    left.sort(([, one], [, other]) => one.seq - other.seq);
    for (const [ref, { seq, doubt }] of left) {
      this.#refs.delete(ref);
      if (by === '' || doubt) continue;
      const payload = this.#entries.find((entry) => entry.seq === seq)?.payload ?? '';
      const repeated = this.#push({ payload, again: true });
      this.#refs.set(`${again}:${repeated}`, { seq: repeated, doubt: false });
    }
  }

  #push(entry: Omit<Entry, 'seq'>): Seq {
    this.#seq += 1;
    this.#entries.push({ seq: this.#seq, ...entry });
    this.#bytes += Buffer.byteLength(entry.payload);
    this.#trim();
    return this.#seq;
  }

  #trim(): void {
    const { records, keptBytes, mostBytes } = logBounds;
    for (let oldest = this.#entries[0]; oldest !== undefined && oldest.seq < this.#seq; oldest = this.#entries[0]) {
      const isOver = this.#bytes > mostBytes || this.#seq - oldest.seq >= records;
      if (!isOver && (this.#bytes <= keptBytes || oldest.seq > this.#committed)) return;
      this.#bytes -= Buffer.byteLength(oldest.payload);
      this.#entries.shift();
    }
  }

  #tell(note: Note): void {
    this.#note += 1;
    this.#notes.push(note);
    if (this.#notes.length > MAX_NOTES) this.#notes.shift();
  }

  #commit(): void {
    let seq = this.#seq;
    for (const { applied } of this.#members.values()) seq = Math.min(seq, applied);
    if (seq <= this.#committed) return;
    this.#committed = seq;
    this.#tell({ kind: 'committed', seq });
  }

  /** Whether a member was told of what is not here. A member whose lease lasts was evicted by nobody. */
  protected lacks(id: string, { answered, seq, held }: Contact): boolean {
    const member = this.#members.get(id);
    return seq > this.#seq || (member === undefined ? held : member.contact < answered);
  }

  /** What it has applied is not what stands there. */
  #isAnother({ applied, appliedRef = '' }: Renewal): boolean {
    if (applied === null || appliedRef === '') return false;
    const entry = this.#entries.find(({ seq }) => seq === applied);
    return entry !== undefined && entry.ref !== appliedRef;
  }

  #void(): Elsewhere {
    this.#epoch = null;
    return { ok: false, epoch: null };
  }

  #elsewhere(asked: string): Elsewhere {
    if (this.#epoch !== null && this.leftBehind(this.#epoch, asked)) return this.#void();
    return { ok: false, epoch: this.#epoch };
  }

  protected leftBehind(present: string, asked: string): boolean {
    return isSetBack(present, asked);
  }
}
