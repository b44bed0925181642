import type { GatewayConfig } from '../config/model.ts';
import type { Unreadable } from './entry.ts';
import { MAX_DURATION_MS } from './order.ts';
import type { Player } from './player.ts';
import type { LogFacts } from './read-log.ts';
import type { ReadTally } from './tally.ts';

/** What a replay found: the output of `--json`. Ratios are of 1; bytes are of bodies, except under `memory`. */
export interface ReplayReport {
  readonly log: {
    readonly format: 'access log' | 'HAR';
    readonly lines: number;
    readonly replayed: number;
    readonly leftOut: number;
    readonly unreadable: number;
    readonly firstUnreadable: readonly Unreadable[];
    /** Targets that the gateway answers with 400. */
    readonly refused: number;
    /** ISO 8601: the start of the first entry, and the end of the last. */
    readonly from: string;
    readonly to: string;
    readonly withDuration: number;
    readonly outOfOrder: number;
    readonly hosts: number;
  };
  readonly reads: ReadFigures;
  /** In the order of the configuration; `null`: what matches no route. Routes without a request are listed. */
  readonly routes: readonly (ReadFigures & { readonly route: string | null })[];
  readonly writes: { readonly requests: number; readonly recorded: number; readonly dropped: number };
  /** In the order of the configuration, and first what every write does (`null`). */
  readonly rules: readonly RuleFigures[];
  readonly passed: number;
  readonly memory: {
    readonly maxBytes: number;
    readonly peakBytes: number;
    readonly evicted: number;
    /** Evicted while still fresh: a larger memory would have served them. */
    readonly evictedFresh: number;
  };
  /** What the log does not tell, and what is assumed of it. */
  readonly assumed: readonly string[];
}

export interface ReadFigures {
  readonly requests: number;
  /** Answered from memory, stale-while-revalidate included. */
  readonly hits: number;
  readonly hitRatio: number;
  readonly collapsed: number;
  readonly misses: number;
  readonly bypassed: number;
  readonly originRequests: number;
  readonly bytes: number;
  readonly savedBytes: number;
  /** A cache with the same lifetimes that ignores writes. `staleHits` is a lower bound. */
  readonly ttlOnly: { readonly hits: number; readonly hitRatio: number; readonly staleHits: number };
  /** Why answers were not stored, and how often; the words of `Cache-Status`. */
  readonly notStored: Readonly<Record<string, number>>;
}

export interface RuleFigures {
  readonly rule: string | null;
  readonly writes: number;
  readonly resolved: number;
  readonly wildcard: number;
  readonly leftOut: number;
  readonly skipped: number;
  readonly dropped: number;
  readonly staleHits: number;
}

interface Replayed {
  readonly facts: LogFacts;
  readonly player: Player;
  readonly config: GatewayConfig;
  readonly assumedTtlMs: number | undefined;
}

export function reportOf(replayed: Replayed): ReplayReport {
  const { facts, player, config } = replayed;
  const { peakBytes, evicted, evictedFresh } = player.cache;
  return {
    log: {
      format: facts.format,
      lines: facts.lines,
      replayed: facts.entries,
      leftOut: facts.leftOut,
      unreadable: facts.unreadable,
      firstUnreadable: facts.firstUnreadable,
      refused: player.refused,
      from: new Date(player.first).toISOString(),
      to: new Date(player.last).toISOString(),
      withDuration: facts.timed,
      outOfOrder: facts.late,
      hosts: facts.hosts.size,
    },
    reads: figuresOf(player.total),
    routes: [...player.routes].map(([route, tally]) => ({ route: route ?? null, ...figuresOf(tally) })),
    writes: player.writes,
    rules: [...player.rules].map(([rule, tally]) => ({ rule, ...tally })),
    passed: player.passed,
    memory: { maxBytes: config.store.memory.maxBytes, peakBytes, evicted, evictedFresh },
    assumed: assumedIn(replayed),
  };
}

function figuresOf(tally: ReadTally): ReadFigures {
  const { requests, collapsed, misses, bypassed, originRequests, bytes, savedBytes, ttlOnly, notStored } = tally;
  const ratio = (hits: number): number => (requests === 0 ? 0 : hits / requests);
  return {
    requests,
    hits: tally.fromMemory,
    hitRatio: ratio(tally.fromMemory),
    ...{ collapsed, misses, bypassed, originRequests, bytes, savedBytes },
    ttlOnly: { ...ttlOnly, hitRatio: ratio(ttlOnly.hits) },
    notStored: Object.fromEntries(notStored),
  };
}

function assumedIn({ facts, player, config, assumedTtlMs }: Replayed): string[] {
  const said: string[] = [];
  if (facts.format === 'access log') said.push(...ofAccessLogs(assumedTtlMs));
  else said.push('Lookups are not made: a rule that has one invalidates by wildcard.');
  if (facts.timed === 0) {
    said.push('Durations: unknown. Requests are played in the order of the log, and none overlap.');
  } else {
    const some = facts.timed < facts.entries ? ` of ${facts.timed} of ${facts.entries}` : '';
    said.push(
      `Durations${some}: known, so requests are sorted by start; more than ${MAX_DURATION_MS / 1000}s count as that.`,
    );
  }
  if (facts.late > 0) said.push(`${facts.late} came too late to be sorted, and are played where they came.`);
  if (player.tagsUnknown > 0) {
    said.push(`Tags from bodies: unknown for ${player.tagsUnknown} fills. Rules that name such tags drop too little.`);
  }
  if (player.notModified > 0) {
    said.push(`${player.notModified} reads were answered 304: taken as 200, in the size that the URL had last.`);
  }
  if (config.rules.some(({ refresh, patch }) => refresh.length > 0 || patch.length > 0)) {
    said.push('What a rule would refresh or patch is invalidated only: hits are a lower bound in this.');
  }
  said.push('The log is all: what was stored before it, and writes that are not in it, are unknown.');
  return said;
}

function ofAccessLogs(assumedTtlMs: number | undefined): string[] {
  const lifetime =
    assumedTtlMs === undefined
      ? 'without a ttl, a route stores nothing (--assume-ttl gives such responses a lifetime)'
      : `without a ttl, a response is fresh for ${assumedTtlMs / 1000}s`;
  return [
    'Vary: unknown. Each URL is taken to have one variant.',
    'Credentials: unknown, but for the user that the log names. Other requests are taken to have none.',
    `Header fields of responses: unknown. None forbids storing; ${lifetime}.`,
    'Bodies: unknown. A rule that needs an id from one invalidates by wildcard, as the gateway does when it must: with bodies it drops less.',
  ];
}
