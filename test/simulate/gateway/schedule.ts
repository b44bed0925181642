import { Chance } from '../world.ts';
import { type Features, randomFeatures } from './configuration.ts';
import { disturb, heal } from './faults.ts';
import type { GatewayNode } from './node.ts';
import { keyOf, type Oracle } from './oracle.ts';
import type { Page } from './page.ts';
import { load, randomRead, randomTreat } from './random.ts';
import { type Mutation, Stage } from './stage.ts';

const START_MS = 450;
const BUSY_MS = 1_200;
const MAX_FAULTS = 5;
const PAGES = 5;
/** Enough for every lease, quarantine, takeover, and for those who wait for each other, after the last fault. */
const QUIET_MS = 4_500;
const SLOW_QUIET_MS = 9_000;
/** Of reads of everything at the end, until all are hits. */
const MAX_ROUNDS = 8;

export interface Outcome {
  readonly seed: number;
  readonly features: Features;
  readonly violations: readonly string[];
  /** What happened, step by step. */
  trace(): readonly string[];
  readonly oracle: Oracle;
  readonly announced: number;
  /** Writes that have waited for others as long as they may. */
  readonly waitedOut: number;
}

/**
 * One schedule of a seed: gateways of a random configuration, read and written at random, while whatever may go wrong
 * does.
 */
export async function simulateGateway(
  seed: number,
  restrict: Partial<Features> = {},
  mutation: Mutation = {},
): Promise<Outcome> {
  const features = { ...randomFeatures(new Chance(seed ^ 0x5eed)), ...restrict };
  const stage = new Stage({ seed, features, mutation, treat: randomTreat });
  const { world } = stage;
  const { chance } = world;
  await world.runUntil(START_MS);
  const end = START_MS + BUSY_MS;
  load(stage, end);
  for (let n = 0; n < PAGES; n++) {
    world.after(chance.between(0, BUSY_MS * 0.8), () => {
      const { path, user, language } = randomRead(stage);
      stage.open({ path, user, language, narrow: chance.happens(0.4) });
    });
  }
  if (features.faults) {
    for (let n = chance.integer(MAX_FAULTS); n >= 0; n--)
      world.after(chance.between(0, BUSY_MS), () => disturb(stage, end));
  }
  await world.runUntil(end);
  heal(stage);
  await world.runUntil(end + (features.slowApi ? SLOW_QUIET_MS : QUIET_MS));
  await settled(stage);
  stage.close();
  return {
    ...{ seed, features, violations: stage.oracle.violations, trace: () => world.trace, oracle: stage.oracle },
    ...{ announced: stage.announcements.count, waitedOut: stage.waitedOut },
  };
}

/** In the end everybody serves what the API has, from memory, and nothing is left behind. */
export async function settled(stage: Stage): Promise<void> {
  const { world, oracle, places, server } = stage;
  oracle.tellAll();
  const { faults, slowApi } = stage.features;
  if (stage.waitedOut > 0 && !faults && !slowApi)
    oracle.violated(`${stage.waitedOut} writes waited for others as long as they may`);
  for (const page of stage.pages) finalShown(page, oracle);
  for (const { node } of places) await servesAgain(stage, node);
  await world.runUntil(world.now + 400);
  for (const { node } of places) {
    for (const left of node.leftovers()) oracle.violated(`${node.process.name} has left behind ${left}`);
  }
  if (!stage.features.cluster) return;
  const { intents, members } = server.sequencer;
  if (intents.length > 0) oracle.violated(`intents left behind: ${intents.join(' ')}`);
  if (members.length !== places.length) oracle.violated(`members left: ${members.map(({ id }) => id).join(' ')}`);
  if (stage.keys.fillLeases.length > 0) oracle.violated(`fill leases left behind: ${stage.keys.fillLeases.length}`);
}

function finalShown(page: Page, oracle: Oracle): void {
  if (page.shown === undefined) oracle.violated(`${keyOf(page.view)} was never shown`);
  else if (!oracle.isCurrent(page.view, page.shown))
    oracle.violated(`a page shows an old ${keyOf(page.view)}, and nothing tells it: ${page.shown}`);
}

/** Each shared view is a hit in the end. A few slow messages may cost a lease: then it is soon one again. */
async function servesAgain(stage: Stage, node: GatewayNode): Promise<void> {
  const { world, api, oracle, clients } = stage;
  for (let i = 0; i < 100 && !node.log.serving(); i++) await world.runUntil(world.now + 10);
  if (!node.log.serving()) return oracle.violated(`${node.process.name} does not serve`);
  const views = api.views.filter(({ path, user }) => user === undefined && path !== '/me/items');
  let hits = 0;
  for (let round = 0; round < MAX_ROUNDS && hits < views.length; round++) {
    const before = oracle.hits;
    for (const view of views) clients.read(node, view);
    await world.runUntil(world.now + 250);
    hits = oracle.hits - before;
  }
  if (hits < views.length) oracle.violated(`${node.process.name} answers ${hits} of ${views.length} views from memory`);
}
