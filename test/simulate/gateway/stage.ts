import type { Sequencer } from '../../../src/coherence/sequencer.ts';
import type { GatewayConfig } from '../../../src/config/model.ts';
import { SimulatedKeys } from '../keys.ts';
import { SimulatedBus, SimulatedServer } from '../network.ts';
import { Process } from '../world.ts';
import { Api } from './api.ts';
import { Clients } from './client.ts';
import { configurationOf, type Features, LEASE_MS, otherRelease, timeoutMsOf } from './configuration.ts';
import { LiveWorld } from './live-world.ts';
import { GatewayNode, type NodeMutation } from './node.ts';
import { Oracle } from './oracle.ts';
import { SimulatedOrigin, type Treat } from './origin.ts';
import { Announcements, Page } from './page.ts';

export interface Mutation extends NodeMutation {
  sequencer?(): Sequencer;
}

/** The node at an index: another one after a crash. */
export interface Place {
  readonly node: GatewayNode;
  readonly bus: SimulatedBus | undefined;
  readonly starts: number;
}

export interface StageOptions {
  readonly seed: number;
  readonly features: Features;
  readonly treat: (stage: Stage) => Treat;
  readonly mutation?: Mutation;
  readonly config?: GatewayConfig;
}

/** If reads lag: the quarantine of a rule, and the time until every node has its end, even if a node dies meanwhile. */
function visibleAfterMs({ lagMs, faults }: Features): number {
  return lagMs === 0 ? 0 : lagMs + 60 + (faults ? 6 * LEASE_MS : 60);
}

const WALL_MS = Date.UTC(2026, 0, 1);

export interface PageOptions {
  readonly path: string;
  readonly user?: string | undefined;
  readonly language?: 'de' | undefined;
  /** Told of what concerns its view alone. */
  readonly narrow?: boolean;
  /** The nodes that it listens at, and fetches from; any. */
  readonly at?: number;
  readonly from?: number;
}

/** Everything that a schedule plays on: an API, gateways before it, the server between them, clients and pages. */
export class Stage {
  readonly world: LiveWorld;
  readonly features: Features;
  readonly api: Api;
  readonly oracle: Oracle;
  readonly clients: Clients;
  readonly server: SimulatedServer;
  readonly keys: SimulatedKeys;
  readonly places: Place[] = [];
  readonly pages: Page[] = [];
  readonly announcements = new Announcements();
  /** Writes that have waited for others as long as they may. */
  waitedOut = 0;
  readonly #config: GatewayConfig;
  readonly #otherConfig: GatewayConfig;
  readonly #mutation: Mutation;
  readonly #treat: Treat;

  constructor(options: StageOptions) {
    const { features, seed, mutation = {} } = options;
    this.features = features;
    this.#mutation = mutation;
    this.world = new LiveWorld(seed);
    this.api = new Api(this.world, features);
    this.oracle = new Oracle(this.world, this.api, {
      settlesMs: visibleAfterMs(features),
      patches: features.action === 'patch',
    });
    this.clients = new Clients(this.world, { features, api: this.api, oracle: this.oracle });
    this.server = new SimulatedServer(this.world, mutation.sequencer && { create: mutation.sequencer });
    this.keys = new SimulatedKeys(this.world);
    this.#config = options.config ?? configurationOf(features);
    this.#otherConfig = features.mixed ? configurationOf(otherRelease(features)) : this.#config;
    this.#treat = options.treat(this);
    for (let i = 0; i < features.nodes; i++) this.start(i);
  }

  /** A node at the place of one that has died, or the first there. */
  start(i: number): Place {
    const { world, features, api } = this;
    const starts = (this.places[i]?.starts ?? -1) + 1;
    const name = `n${i}${'abcdefghijklmnop'[starts] ?? 'z'}`;
    const process = new Process(world, name, WALL_MS + world.chance.between(-500, 500));
    const bus = features.cluster ? new SimulatedBus(world, this.server, process) : undefined;
    const origin = new SimulatedOrigin({
      ...{ world, process, api, treat: this.#treat, timeoutMs: timeoutMsOf(features), etags: features.etags },
      languages: features.languages,
      serverErrors: features.rollsBack ? 'unchanged' : 'unknown',
      observed: this.clients,
      cacheControl: features.public && !features.hidesStep ? 'public, max-age=60' : 'max-age=60',
    });
    const node = new GatewayNode({
      ...{ world, process, origin, mutation: this.#mutation },
      config: i % 2 === 0 ? this.#config : this.#otherConfig,
      shared: bus && { bus, keys: this.keys },
      waitedOut: () => {
        world.tell(name, 'a write has waited for others as long as it may');
        this.waitedOut += 1;
      },
      failed: (error) => this.oracle.violated(`${name} failed: ${error instanceof Error ? error.stack : error}`),
    });
    world.busy.push(() => node.reads.encoder.size > 0);
    const place = { node, bus, starts };
    this.places[i] = place;
    return place;
  }

  node(i: number): GatewayNode {
    return (this.places[i] as Place).node;
  }

  /** One that is up, at random. */
  anyNode(): GatewayNode {
    return this.world.chance.pick(this.places).node;
  }

  kill(i: number): void {
    const { node } = this.places[i] as Place;
    if (!node.process.alive) return;
    node.process.kill();
    this.clients.died(node);
    for (const page of this.pages) page.died(node);
  }

  open(page: PageOptions): Page {
    const { at, from } = page;
    const view = this.api.viewOf(page.path, page.user, page.language);
    const opened = new Page({
      ...{ name: `p${this.pages.length}`, clients: this.clients, announcements: this.announcements, view },
      narrow: page.narrow === true,
      fetchesFirst: this.features.fetchesFirst,
      node: () => this.anyNode(),
      at: at === undefined ? undefined : () => this.node(at),
      from: from === undefined ? undefined : () => this.node(from),
    });
    this.pages.push(opened);
    return opened;
  }

  close(): void {
    for (const page of this.pages) page.close();
    for (const { node } of this.places) node.hub.close();
  }
}
