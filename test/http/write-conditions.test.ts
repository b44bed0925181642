import { describe, expect, it } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import { type CurrentState, failedCondition } from '../../src/http/write-conditions.ts';

const date = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toUTCString();
const current: CurrentState = { etag: '"now"', lastModifiedMs: Date.UTC(2026, 0, 1, 0, 0, 10) };
const weak: CurrentState = { ...current, etag: 'W/"now"' };
const undated: CurrentState = { ...current, lastModifiedMs: undefined };

describe('the conditions of a write (RFC 9110 §13.2.2)', () => {
  it.each<[string, Record<string, string>, CurrentState | undefined, string | undefined]>([
    ['none', {}, current, undefined],
    ['§13.1.1: the tag', { 'If-Match': '"now"' }, current, undefined],
    ['one of a list', { 'If-Match': '"old", "now"' }, current, undefined],
    ['another tag', { 'If-Match': '"old"' }, current, 'If-Match'],
    ['*', { 'If-Match': '*' }, current, undefined],
    ['* where there is nothing', { 'If-Match': '*' }, undefined, 'If-Match'],
    ['a tag where there is nothing', { 'If-Match': '"now"' }, undefined, 'If-Match'],
    ['§8.8.3.2: a weak tag of the state never matches', { 'If-Match': 'W/"now"' }, weak, 'If-Match'],
    ['nor its strong form', { 'If-Match': '"now"' }, weak, 'If-Match'],
    ['§13.1.4: not modified since', { 'If-Unmodified-Since': date(10) }, current, undefined],
    ['modified since', { 'If-Unmodified-Since': date(9) }, current, 'If-Unmodified-Since'],
    ['no date', { 'If-Unmodified-Since': 'yesterday' }, current, undefined],
    ['no date of the state', { 'If-Unmodified-Since': date(9) }, undated, undefined],
    ['step 2 only without If-Match', { 'If-Match': '"now"', 'If-Unmodified-Since': date(9) }, current, undefined],
    ['§13.1.2: If-None-Match, *', { 'If-None-Match': '*' }, current, 'If-None-Match'],
    ['* where there is nothing to replace', { 'If-None-Match': '*' }, undefined, undefined],
    ['one of a list, by weak comparison', { 'If-None-Match': '"x", W/"now"' }, current, 'If-None-Match'],
    ['a weak tag of the state', { 'If-None-Match': '"now"' }, weak, 'If-None-Match'],
    ['another state', { 'If-None-Match': '"old"' }, current, undefined],
    ['step 3 after step 1', { 'If-Match': '"now"', 'If-None-Match': '"now"' }, current, 'If-None-Match'],
    ['steps 4 and 5 are for reads', { 'If-Modified-Since': date(20) }, current, undefined],
  ])('%s', (_, fields, state, failed) => {
    expect(failedCondition(new Fields(Object.entries(fields).flat()), state)).toBe(failed);
  });
});
