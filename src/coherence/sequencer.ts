import {
  type Append,
  type AppendResult,
  type Batch,
  type BusNote,
  type Contact,
  type Entry,
  type EpochMismatch,
  type GroupResult,
  type IntentNote,
  logBounds,
  type Member,
  noContact,
  type OpenQuarantine,
  type Renewal,
  type Renewed,
  type Seq,
  type Step,
  type StepAnswer,
  type StepResult,
} from './bus.ts';
import { isSetBack } from './epoch.ts';
import { isConfiguration, PostedIntents, termsIn } from './posted-intents.ts';

const MAX_NOTES = 1_000;
/** How many records are searched for what a writer may have missed. One that is further behind is held unsearched. */
const MAX_SEARCHED = 256;

/**
 * A member that never applies anything, added by a new epoch. Until it has been silent for a lease, acknowledgements
 * alone commit no record. By then every lease of the old epoch has run out (coherence.md, invariant 9).
 */
const barrier = '(barrier)';

/** Replaces the member in the refs of repeated records that are not published yet. No member has this name. */
const again = '(again)';

interface MemberState {
  renewed: boolean;
  beat: number;
  applied: Seq;
  intentsFrom: number;
  recordsFrom: number;
  /** The highest number of its steps. -1: unknown, because it became a member by the state it stored here. */
  contact: number;
}

function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf(':') + 1));
}

const sizeOf = ({ payload, posts = '' }: Omit<Entry, 'seq'>): number => Buffer.byteLength(payload) + posts.length;

/** The steps of a bus, over state in memory. src/redis/scripts.ts has the same steps in Lua. */
export class Sequencer {
  #epoch: string | null = null;
  #leaseMs = 0;
  #asked = 0;
  #seq: Seq = 0;
  #committed: Seq = 0;
  #entries: Entry[] = [];
  #bytes = 0;
  #notes: BusNote[] = [];
  #note = 0;
  #beats = 0;
  #quarantines = new Map<Seq, OpenQuarantine>();
  readonly #members = new Map<string, MemberState>();
  /** Appended records, until their member knows and has published them; and repeated ones, until they are published. */
  readonly #refs = new Map<string, { readonly seq: Seq; readonly held: boolean; readonly quarantine: boolean }>();
  readonly #intents = new Map<string, IntentNote & { readonly member: string }>();
  readonly #posted = new PostedIntents();

  /** The state is not the one that the nodes saw (a restart, a failover): what is left belongs to no epoch. */
  invalidate(): void {
    this.#epoch = null;
  }

  createEpoch(nonce: string, leaseMs: number): void {
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
    this.#quarantines = new Map();
    this.#refs.clear();
    // Members may have left intents. Others take them over if the member does not come back.
    for (const member of this.#members.values()) member.applied = -1;
    this.raiseBarrier();
  }

  protected raiseBarrier(): void {
    this.#ensureMember(barrier);
  }

  renew(epoch: string, renewal: Renewal, contact = noContact): StepResult<Renewed> {
    const { member: id, applied, intentsFrom, recordsFrom, quarantines } = renewal;
    if (epoch !== this.#epoch) return this.#epochMismatch(epoch);
    if (this.lacks(id, contact) || this.#refDiffers(renewal)) return this.#void();
    const member = this.#members.get(id);
    // A joining member reports what it has applied by its first acknowledgement. This renewal may be a late copy.
    this.#members.set(id, {
      renewed: true,
      beat: this.#nextBeat(),
      applied: Math.max(applied ?? -1, member?.applied ?? -1),
      intentsFrom: Math.max(intentsFrom, member?.intentsFrom ?? 0),
      recordsFrom: Math.max(recordsFrom, member?.recordsFrom ?? 0),
      contact: Math.max(contact.number, member?.contact ?? 0),
    });
    for (const intent of [...this.#intents.values()]) {
      if (intent.member === id && numberOf(intent.id) < intentsFrom) this.#withdraw(intent.id);
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
      quarantines: quarantines ? [...this.#quarantines.values()] : [],
    };
  }

  group(epoch: string, id: string, steps: readonly Step[], contact = noContact): StepResult<GroupResult> {
    if (epoch !== this.#epoch) return this.#epochMismatch(epoch);
    if (this.lacks(id, contact)) return this.#void();
    const member = this.#members.get(id);
    if (member !== undefined) member.contact = Math.max(member.contact, contact.number);
    const answers = steps.map((step) => this.make(step, id, member));
    this.#trim();
    return { ok: true, answers };
  }

  /** @param member what was known of it before the group */
  protected make(step: Step, id: string, member: MemberState | undefined): StepAnswer {
    switch (step.kind) {
      case 'append':
        return { kind: 'append', ...this.#append(step.append, id) };
      case 'intend':
        this.#intend(step.note, id);
        return { kind: 'intend' };
      case 'withdraw':
        this.#withdraw(step.intent);
        return { kind: 'withdraw' };
      case 'conflicting':
        return { kind: 'conflicting', seq: this.#seq, conflicting: this.#conflicting(step.probes, step.intent) };
      case 'ack':
        if (member !== undefined) member.applied = Math.max(member.applied, step.applied);
        this.#commit();
        return { kind: 'ack', committed: this.#committed };
    }
  }

  #append(append: Append, member: string): AppendResult {
    const { payload, ref, intent, probes, asOf, hold, quarantine, endsQuarantine } = append;
    // A late copy: no writer waits for the answer.
    if (numberOf(ref) < this.#ensureMember(member).recordsFrom) return { seq: 0, conflicting: [], held: false };
    const posts = (intent === undefined ? undefined : this.#intents.get(intent)?.posts) ?? append.posts;
    // The write is recorded now, so others stop waiting for it. Its intent stays if a second record has to follow.
    if (intent !== undefined) this.#posted.remove(this.#intents.get(intent));
    const conflicting = this.#conflicting(probes, intent);
    const known = this.#refs.get(ref);
    const held = known?.held ?? (hold || conflicting.length > 0 || this.#mayHaveMissed(probes, asOf));
    if (known !== undefined && intent !== undefined && this.#intents.has(intent))
      this.#tell({ kind: 'recorded', intent, seq: known.seq });
    if (intent !== undefined && !held) this.#intents.delete(intent);
    if (known !== undefined) return { seq: known.seq, conflicting, held };
    const more = {
      ...(intent !== undefined && { intent }),
      ...(posts !== undefined && { posts }),
      ...(held && { held }),
    };
    const seq = this.#push({ payload, ref, ...more });
    this.#refs.set(ref, { seq, held, quarantine });
    if (quarantine) this.#quarantines.set(seq, { seq, payload, owner: member });
    if (endsQuarantine !== undefined) this.#quarantines.delete(endsQuarantine);
    return { seq, conflicting, held };
  }

  #intend(note: IntentNote, member: string): void {
    if (numberOf(note.id) < this.#ensureMember(member).intentsFrom) return;
    this.#intents.set(note.id, { ...note, member });
    if (note.recorded !== true) this.#posted.add(note);
  }

  #withdraw(intent: string): void {
    this.#posted.remove(this.#intents.get(intent));
    if (this.#intents.delete(intent)) this.#tell({ kind: 'withdrawn', intent });
  }

  evict(epoch: string, by: string, silent: Pick<Member, 'id' | 'beat'>): StepResult<{ orphans: OpenQuarantine[] }> {
    if (epoch !== this.#epoch) return this.#epochMismatch(epoch);
    if (this.#members.get(silent.id)?.beat !== silent.beat) return { ok: true, orphans: [] };
    // A member that leaves by itself must not leave work that no other member would finish.
    if (by === '' && this.#leavesWork(silent.id)) return { ok: true, orphans: [] };
    this.#members.delete(silent.id);
    this.repeat(by, silent.id);
    const orphans: OpenQuarantine[] = [];
    for (const quarantine of this.#quarantines.values()) {
      if (quarantine.owner !== silent.id) continue;
      const orphan = { ...quarantine, owner: by };
      this.#quarantines.set(quarantine.seq, orphan);
      orphans.push(orphan);
    }
    for (const intent of this.#intents.values()) {
      const { id, member, payload, posts } = intent;
      if (member !== silent.id) continue;
      this.#posted.remove(intent);
      this.#intents.delete(id);
      const seq = this.#push({ payload, intent: id, posts });
      const orphan = { seq, payload, owner: by };
      this.#quarantines.set(seq, orphan);
      orphans.push(orphan);
    }
    this.#trim();
    this.#commit();
    return { ok: true, orphans };
  }

  published(epoch: string, seq: Seq): StepResult {
    if (epoch !== this.#epoch) return this.#epochMismatch(epoch);
    this.#refs.delete(`${again}:${seq}`);
    return { ok: true };
  }

  read(epoch: string, after: Seq, note: number): StepResult<Batch> {
    if (epoch !== this.#epoch) return this.#epochMismatch(epoch);
    const oldest = this.#entries[0]?.seq ?? 0;
    const missed = Math.max(0, after + 1 - oldest);
    const told = Math.max(0, this.#notes.length - (this.#note - note));
    return { ok: true, entries: this.#entries.slice(missed), notes: this.#notes.slice(told), note: this.#note };
  }

  /** Trims the log as an operator would. */
  trim(keep: number): void {
    this.#entries = keep === 0 ? [] : this.#entries.slice(-keep);
    this.#bytes = this.#entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  }

  get members(): Member[] {
    return [...this.#members].map(([id, { beat, applied }]) => ({ id, beat, applied }));
  }

  get intents(): string[] {
    return [...this.#intents.keys()];
  }

  get configurations(): string[] {
    return this.#posted.configurations;
  }

  /** Whoever stores state here is a member, so that others can take over. */
  #ensureMember(id: string): MemberState {
    let member = this.#members.get(id);
    if (member === undefined) {
      member = { renewed: false, beat: this.#nextBeat(), applied: -1, intentsFrom: 0, recordsFrom: 0, contact: -1 };
      this.#members.set(id, member);
    }
    return member;
  }

  /** Never repeats, so that the beat of a member that has returned differs from its old one. */
  #nextBeat(): number {
    this.#beats += 1;
    return this.#beats;
  }

  #leavesWork(id: string): boolean {
    const intents = [...this.#intents.values()].some(({ member }) => member === id);
    return intents || [...this.#quarantines.values()].some(({ owner }) => owner === id);
  }

  /**
   * Repeats the unpublished records of a member that is gone, except quarantining ones: until their quarantine ends,
   * what they cover stays out of every tier.
   */
  protected repeat(by: string, gone: string): void {
    const left = [...this.#refs].filter(
      ([ref]) => ref.startsWith(`${gone}:`) || (by !== '' && ref.startsWith(`${again}:`)),
    );
    for (const [ref] of left) this.#refs.delete(ref);
    const unpublished = left.flatMap(([, { seq, quarantine }]) => (by === '' || quarantine ? [] : [seq]));
    // They are in their order: each was the last one when it was added to the map.
    if (unpublished.length > logBounds.repeated) this.#pushAgain({ payload: '' });
    else for (const seq of unpublished) this.#pushAgain(this.#entries.find((entry) => entry.seq === seq));
  }

  #pushAgain({ payload = '', posts }: Partial<Pick<Entry, 'payload' | 'posts'>> = {}): void {
    const repeated = this.#push({ payload, again: true, ...(posts !== undefined && { posts }) });
    this.#refs.set(`${again}:${repeated}`, { seq: repeated, held: false, quarantine: false });
  }

  #conflicting(probes: string, own: string | undefined): string[] {
    const found = this.#posted.conflicting(probes);
    found.delete(own ?? '');
    return [...found];
  }

  /** Whether a record that the writer had not applied may cover what it reads. */
  #mayHaveMissed(probes: string, asOf: Seq): boolean {
    if (probes === '' || asOf >= this.#seq) return false;
    if (this.#seq - asOf > MAX_SEARCHED) return true;
    // Trimmed records cannot be searched.
    if ((this.#entries[0]?.seq ?? this.#seq + 1) > asOf + 1) return true;
    const asked = new Set(termsIn(probes));
    const conflicts = (term: string): boolean => asked.has(term) !== isConfiguration(term);
    return this.#entries.some(({ seq, posts }) => seq > asOf && termsIn(posts).some(conflicts));
  }

  #push(entry: Omit<Entry, 'seq'>): Seq {
    this.#seq += 1;
    this.#entries.push({ seq: this.#seq, ...entry });
    this.#bytes += sizeOf(entry);
    return this.#seq;
  }

  #trim(): void {
    const { records, keptBytes, mostBytes } = logBounds;
    for (let oldest = this.#entries[0]; oldest !== undefined && oldest.seq < this.#seq; oldest = this.#entries[0]) {
      const isOver = this.#bytes > mostBytes || this.#seq - oldest.seq >= records;
      if (!isOver && (this.#bytes <= keptBytes || oldest.seq > this.#committed)) return;
      this.#bytes -= sizeOf(oldest);
      this.#entries.shift();
    }
  }

  #tell(note: BusNote): void {
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

  /** Whether a member was told more than this state holds. No member evicts another one while that holds a lease. */
  protected lacks(id: string, { answered, seq, held }: Contact): boolean {
    const member = this.#members.get(id);
    return seq > this.#seq || (member === undefined ? held : member.contact >= 0 && member.contact < answered);
  }

  /** Whether the record at `applied` is not the one that the member has applied. */
  #refDiffers({ applied, appliedRef = '' }: Renewal): boolean {
    if (applied === null || appliedRef === '') return false;
    const entry = this.#entries.find(({ seq }) => seq === applied);
    return entry !== undefined && entry.ref !== appliedRef;
  }

  #void(): EpochMismatch {
    this.#epoch = null;
    return { ok: false, epoch: null };
  }

  #epochMismatch(asked: string): EpochMismatch {
    if (this.#epoch !== null && this.leftBehind(this.#epoch, asked)) return this.#void();
    return { ok: false, epoch: this.#epoch };
  }

  protected leftBehind(present: string, asked: string): boolean {
    return isSetBack(present, asked);
  }
}
