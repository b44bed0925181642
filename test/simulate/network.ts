import type { Batch, Bus, Contact, Member, Renewal, Step, StepAnswer, StepResult } from '../../src/coherence/bus.ts';
import { Sequencer } from '../../src/coherence/sequencer.ts';
import type { Process, World } from './world.ts';

const COMMAND_TIMEOUT_MS = 60;
const READ_TIMEOUT_MS = 250;
const PARKED_MS = 120;
/** Records that one read returns at most. Some return fewer, so that groups of records are read in parts. */
const MAX_BATCH = 512;

/** One for all: each call has a timer that makes it, and a stack trace costs more than the call. */
const silence = new Error('the bus does not answer');

type Made = (sequencer: Sequencer) => unknown;

/**
 * The machine that sequences: it can be down, lose its memory, and be replaced by one that had not heard the latest.
 */
export class SimulatedServer {
  up = true;
  /** Until then it refuses some of the steps that it gets. */
  fullUntil = 0;
  sequencer: Sequencer;
  readonly #world: World;
  readonly #create: () => Sequencer;
  readonly #notices: boolean;
  #steps: Made[] = [];
  #parked = new Set<() => boolean>();
  #remembered = 0;

  constructor(world: World, options: { create?: () => Sequencer; noticesFailover?: boolean } = {}) {
    this.#world = world;
    this.#create = options.create ?? (() => new Sequencer());
    this.#notices = options.noticesFailover ?? true;
    this.sequencer = this.#create();
  }

  step<T>(step: (sequencer: Sequencer) => T): T {
    this.#steps.push(step);
    const result = step(this.sequencer);
    for (const retry of [...this.#parked]) if (retry()) this.#parked.delete(retry);
    return result;
  }

  /** `ready` is asked again whenever something has changed. */
  park(ready: () => boolean): void {
    if (ready()) return;
    this.#parked.add(ready);
    this.#world.after(PARKED_MS, () => this.#parked.delete(ready));
  }

  loseAll(): void {
    this.#steps = [];
    this.sequencer = this.#create();
    this.#parked.clear();
    this.#world.tell('bus', 'loses everything');
  }

  remember(): void {
    this.#remembered = this.#steps.length;
  }

  /** Set back in place, and no epoch has begun since: only gateways that are alive now can notice. */
  isBelieved = false;

  /** In place: the server is the same, its connections too, and it has what it had when it was told to remember. */
  setBack(): void {
    const lost = Math.max(0, this.#steps.length - this.#remembered);
    this.#steps = this.#steps.slice(0, this.#remembered);
    const sequencer = this.#create();
    for (const step of this.#steps) step(sequencer);
    this.sequencer = sequencer;
    this.isBelieved = lost > 0;
    this.#world.tell('bus', `is set back in place by ${lost} steps`);
  }

  /** Another takes over, which had not heard the last `lost` steps. */
  failOver(lost: number): void {
    this.#steps = this.#steps.slice(0, Math.max(0, this.#steps.length - lost));
    const sequencer = this.#create();
    for (const step of this.#steps) step(sequencer);
    this.sequencer = sequencer;
    if (this.#notices) this.step((each) => each.invalidate());
    this.#parked.clear();
    this.#world.tell('bus', `fails over, ${lost} steps are lost`);
  }
}

const bounded = (answer: StepResult<Batch>, most: number): StepResult<Batch> =>
  answer.ok ? { ...answer, entries: answer.entries.slice(0, most) } : answer;

interface Group {
  readonly epoch: string;
  readonly member: string;
  readonly steps: readonly Step[];
  readonly contact: Contact | undefined;
}

/** Each of the refused steps fails alone. */
function groupBut(sequencer: Sequencer, refused: readonly boolean[], { epoch, member, steps, contact }: Group) {
  const made = steps.filter((_, i) => refused[i] !== true);
  const result = sequencer.group(epoch, member, made, contact);
  if (!result.ok) return result;
  const rest = [...result.answers];
  const answers = steps.map((_, i): StepAnswer => (refused[i] === true ? full : (rest.shift() as StepAnswer)));
  return { ok: true as const, answers };
}

const full: StepAnswer = { kind: 'failed', reason: 'the server is full' };

/** The way from one process to the server. */
export class SimulatedBus implements Bus {
  /** Nothing gets through until then. */
  cutUntil = 0;
  slowUntil = 0;
  readonly #world: World;
  readonly #server: SimulatedServer;
  readonly #process: Process;

  constructor(world: World, server: SimulatedServer, process: Process) {
    this.#world = world;
    this.#server = server;
    this.#process = process;
  }

  createEpoch(nonce: string, leaseMs: number): Promise<void> {
    return this.#call((sequencer) => {
      this.#server.isBelieved = false;
      sequencer.createEpoch(nonce, leaseMs);
    });
  }

  renew(epoch: string, renewal: Renewal, contact?: Contact) {
    return this.#call((sequencer) => sequencer.renew(epoch, renewal, contact));
  }

  group(epoch: string, member: string, steps: readonly Step[], contact?: Contact) {
    const refused = this.#world.now < this.#server.fullUntil ? steps.map(() => this.#world.chance.happens(0.3)) : [];
    return this.#call((sequencer) => groupBut(sequencer, refused, { epoch, member, steps, contact }));
  }

  evict(epoch: string, by: string, silent: Pick<Member, 'id' | 'beat'>) {
    return this.#call((sequencer) => sequencer.evict(epoch, by, silent));
  }

  published(epoch: string, seq: number) {
    return this.#call((sequencer) => sequencer.published(epoch, seq));
  }

  read(epoch: string, after: number, note: number): Promise<StepResult<Batch>> {
    return this.#within(READ_TIMEOUT_MS, (answered) => {
      this.#travel(() => {
        if (!this.#server.up) return;
        const since = this.#world.now;
        const most = this.#world.chance.happens(0.2) ? 1 + this.#world.chance.integer(3) : MAX_BATCH;
        this.#server.park(() => {
          const answer = bounded(this.#server.sequencer.read(epoch, after, note), most);
          const nothing = answer.ok && answer.entries.length === 0 && answer.note === note;
          if (nothing && this.#world.now - since < PARKED_MS) return false;
          this.#travel(() => answered(answer));
          return true;
        });
      });
    });
  }

  #call<T>(step: (sequencer: Sequencer) => T): Promise<T> {
    return this.ask(() => this.#server.step(step));
  }

  /** Something on the same machine, the same way. */
  ask<T>(step: () => T, up: () => boolean = () => true): Promise<T> {
    return this.#within(COMMAND_TIMEOUT_MS, (answered) => {
      this.#travel(() => {
        if (!this.#server.up || !up()) return;
        const result = step();
        this.#travel(() => answered(result));
      });
    });
  }

  #within<T>(timeoutMs: number, ask: (answered: (answer: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#process.timers.after(timeoutMs, () => reject(silence));
      const receive = (answer: T): void => {
        cancel();
        resolve(answer);
      };
      ask((answer) => this.#process.run(() => receive(answer)));
    });
  }

  /** Messages may arrive out of order: one on an old connection can arrive after one on a new connection. */
  #travel(arrive: () => void): void {
    const { chance } = this.#world;
    if (this.#world.now < this.cutUntil) return;
    let delay = chance.happens(0.02) ? chance.between(5, 120) : chance.between(0.1, 3);
    if (this.#world.now < this.slowUntil)
      delay += chance.happens(0.2) ? chance.between(50, 200) : chance.between(2, 40);
    this.#world.after(delay, () => {
      if (this.#world.now >= this.cutUntil) arrive();
    });
  }
}
