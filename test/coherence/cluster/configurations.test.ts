import { describe, expect, test } from 'vitest';
import { ConfiguredBus, widenForOthers } from '../../../src/coherence/configurations.ts';
import { everything } from '../../../src/coherence/record.ts';
import {
  type Coverage,
  isCoveredBy,
  namedTag,
  pathTag,
  queryTag,
  severalQueriesTag,
  type Tag,
} from '../../../src/coherence/tag.ts';
import { hitting, writeTo } from '../log-contract.ts';
import { LEASE_MS, SimulatedRig } from './simulated-rig.ts';

const reader = { folded: (own: Coverage) => own, otherMet: () => {} };

const coverage = (tags: Tag[], more: { patterns?: string[]; tagPatterns?: string[][] } = {}) => ({
  tags: new Set(tags),
  patterns: more.patterns ?? [],
  tagPatterns: more.tagPatterns ?? [],
});

describe('a record of a node with another configuration', () => {
  test('covers the same paths and patterns, and nothing else', () => {
    const own = coverage([pathTag('/a'), pathTag('/b')], { patterns: ['/c/*'] });
    expect(widenForOthers(own)).toEqual(own);
  });

  test.each([queryTag('/a', 'x=1'), severalQueriesTag('/a')])(
    'covers all of a path of which it names a query: %s',
    (tag) => {
      const wide = widenForOthers(coverage([tag]));
      expect(isCoveredBy({ path: '/a', tags: [pathTag('/a'), queryTag('/a', 'x=1&y=2')] }, wide)).toBe(true);
      expect(isCoveredBy({ path: '/a/b', tags: [pathTag('/a/b')] }, wide)).toBe(false);
    },
  );

  test.each([
    ['a tag', coverage([pathTag('/a'), namedTag('item:1')])],
    ['a tag with a wildcard', coverage([], { tagPatterns: [['item:', '']] })],
  ])('covers everything where it names %s', (_, named) => {
    expect(widenForOthers(named)).toEqual(everything);
  });
});

describe.each([
  ['another configuration', 'B', true],
  ['the same configuration', 'A', false],
])('a write under %s, with which no term is shared', (_, configuration, expected) => {
  const start = async () => {
    const rig = new SimulatedRig();
    const nodes = ['A', configuration].map((name) =>
      rig.start({}, (bus) => new ConfiguredBus(bus, { targets: 'A', terms: name }, reader)),
    );
    const [one, other] = nodes as [(typeof nodes)[number], (typeof nodes)[number]];
    await rig.until(() => nodes.every(({ log }) => log.serving()));
    await rig.pass(3 * LEASE_MS);
    return { rig, one: one.log, other: other.log, bus: other.bus };
  };
  const probes = new Set(['e/b']);

  test('conflicts while it is in flight, for a record and for a refusal', async () => {
    const { rig, one, other } = await start();
    const [theirs, note] = await rig.wait(Promise.all([one.note(writeTo('/a')), other.note(writeTo('/b'))]));
    const found = expected ? [theirs.id] : [];
    expect((await rig.wait(other.conflicting(note, probes))).writes).toEqual(found);
    const { held, conflicting } = await rig.wait(other.append(hitting('/b'), { note, probes }));
    expect([held, conflicting]).toEqual([expected, found]);
  });

  test('conflicts by its record while that is not applied', async () => {
    const { rig, one, other, bus } = await start();
    const note = await rig.wait(other.note(writeTo('/b')));
    bus.cutUntil = rig.world.now + 30;
    void one.append(hitting('/a'));
    await rig.pass(10);
    expect((await rig.wait(other.append(hitting('/b'), { note, probes }))).held).toBe(expected);
  });
});
