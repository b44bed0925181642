import type { WriteSpec } from './client.ts';
import { type Features, plain } from './configuration.ts';
import type { Treat, Treatment } from './origin.ts';
import { type Outcome, settled } from './schedule.ts';
import { type Mutation, type Place, Stage } from './stage.ts';

const START_MS = 450;
const QUIET_MS = 4_500;
const atOnce: Treatment = { beforeMs: 1, afterMs: 1, bodyMs: 0, fate: 'answered' };

/** A fixed schedule: what random ones reach rarely, or what has been found by thinking. */
export interface Scenario {
  readonly name: string;
  readonly features: Partial<Features>;
  play(play: Play): Promise<void> | void;
}

/** The steps of a scenario, at times counted from its beginning. */
export class Play {
  readonly stage: Stage;
  /** How the API treats reads, by their path; at once where nothing is said. */
  readonly reads = new Map<string, Partial<Treatment>>();
  readonly #writes = new Map<number, Partial<Treatment>>();

  constructor(seed: number, features: Partial<Features>, mutation: Mutation) {
    const treat: Treat = ({ path, write }) => ({
      ...atOnce,
      ...(write === undefined ? this.reads.get(path) : this.#writes.get(write)),
    });
    this.stage = new Stage({ seed, features: { ...plain, ...features }, mutation, treat: () => treat });
  }

  begin(): Promise<void> {
    return this.stage.world.runUntil(START_MS);
  }

  at(ms: number, step: () => void): void {
    this.stage.world.after(START_MS + ms - this.stage.world.now, step);
  }

  read(ms: number, node: number, path: string, user?: string): void {
    this.at(ms, () => this.stage.clients.read(this.stage.node(node), { path, user }));
  }

  write(ms: number, node: number, spec: WriteSpec, treatment: Partial<Treatment> = {}): void {
    this.at(ms, () => {
      const number = this.stage.clients.write(this.stage.node(node), spec);
      this.#writes.set(number, treatment);
    });
  }

  /** A read at each millisecond. */
  readOften(from: number, to: number, node: number, path: string): void {
    for (let ms = from; ms < to; ms++) this.read(ms, node, path);
  }

  /** The log takes the next record of a node, and the node does not hear of it. */
  loseAppended(ms: number, node: number): void {
    this.at(ms, () => {
      const { bus } = this.stage.places[node] as Place;
      if (bus === undefined) throw new Error('a single node appends to no bus');
      const group = bus.group.bind(bus);
      bus.group = async (...asked) => {
        const answer = await group(...asked);
        if (!asked[2].some(({ kind }) => kind === 'append')) return answer;
        bus.group = group;
        throw new Error('the answer is lost');
      };
    });
  }

  /** A node dies, and stays away unless it is started again. */
  kill(ms: number, node: number): void {
    this.at(ms, () => this.stage.kill(node));
  }
}

export async function playScenario(scenario: Scenario, seed = 1, mutation: Mutation = {}): Promise<Outcome> {
  const play = new Play(seed, scenario.features, mutation);
  const { stage } = play;
  const { world, oracle, features, announcements } = stage;
  await play.begin();
  await scenario.play(play);
  await world.runUntil(START_MS + QUIET_MS);
  // Nobody waits at the place of one that has died.
  stage.places.forEach(({ node }, i) => {
    if (!node.process.alive) stage.start(i);
  });
  await world.runUntil(world.now + 1_000);
  await settled(stage);
  stage.close();
  return {
    ...{ seed, features, violations: oracle.violations, trace: () => world.trace, oracle },
    ...{ announced: announcements.count, waitedOut: stage.waitedOut },
  };
}
