import { describe, expect, it } from 'vitest';
import { interpolate } from '../../src/config/interpolate.ts';

const env = { HOST: 'example.org', PORT: '80', EMPTY: '', NESTED: '$' + '{HOST}', lower_1: 'x' };
// Written with # for $, which would make a template string of them.
const dollars = (text: string) => text.replaceAll('#', '$');

describe('values of the environment', () => {
  it.each([
    ['plain', 'plain'],
    ['#{HOST}', 'example.org'],
    ['http://#{HOST}:#{PORT}/', 'http://example.org:80/'],
    ['#{HOST:-other}', 'example.org'],
    ['#{NONE:-other}', 'other'],
    ['#{NONE:-}', ''],
    ['#{NONE:-a:-b}', 'a:-b'],
    ['#{EMPTY}', ''],
    ['#{EMPTY:-other}', 'other'],
    ['#{lower_1}', 'x'],
    ['##{HOST}', '#{HOST}'],
    ['##{HOST} #{HOST}', '#{HOST} example.org'],
    // What a variable holds is not read again: it could otherwise name others.
    ['#{NESTED}', '#{HOST}'],
    ['#HOST #5 {HOST}', '#HOST #5 {HOST}'],
    ['#{NONE:-two\nlines}', 'two\nlines'],
  ])('%j is %j', (text, value) => {
    expect(interpolate(dollars(text), env)).toEqual({ value: dollars(value), problems: [] });
  });

  it.each([
    ['a #{NONE}', 2, 'the environment variable NONE is not set', 'set it or give a default: #{NONE:-…}'],
    [
      '#{HOTS}',
      0,
      'the environment variable HOTS is not set',
      'did you mean "HOST"? Otherwise set it or give a default: #{HOTS:-…}',
    ],
    [
      'x#{}',
      1,
      '"#{}" is not an environment variable',
      expect.stringContaining('a literal "#{" is written "##{"'.replaceAll('#', '$')),
    ],
    ['#{1A}', 0, '"#{1A}" is not an environment variable', expect.any(String)],
    ['#{A B}', 0, '"#{A B}" is not an environment variable', expect.any(String)],
    ['#{HOST-x}', 0, '"#{HOST-x}" is not an environment variable', expect.any(String)],
    ['#{HOST', 0, '"#{HOST" is not an environment variable', expect.any(String)],
  ])('%j is wrong at %i', (text, offset, message, hint) => {
    const { problems } = interpolate(dollars(text), env);
    expect(problems).toEqual([
      { offset, message: dollars(message), hint: typeof hint === 'string' ? dollars(hint) : hint },
    ]);
  });

  it('reports every mistake of one text', () => {
    const { problems } = interpolate(dollars('#{A} #{HOST} #{B}'), env);
    expect(problems.map(({ offset }) => offset)).toEqual([0, 13]);
  });
});
