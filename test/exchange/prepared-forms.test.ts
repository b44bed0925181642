import { expect, it } from 'vitest';
import { type Holder, type PreparedForm, PreparedForms } from '../../src/exchange/read/prepared-forms.ts';

interface Named extends Holder {
  readonly name: string;
}

const unused: PreparedForm = { isUsed: false, retire() {} };

/** Each form counts as one byte. */
function forms(max: number) {
  const all = new PreparedForms(max);
  const holders: Named[] = [];
  return {
    add(...names: string[]): void {
      for (const name of names) {
        const holder: Named = { name };
        holders.push(holder);
        all.add(holder, { ...unused }, 1);
      }
    },
    use(...names: string[]): void {
      for (const { name, prepared } of holders) if (names.includes(name)) (prepared as PreparedForm).isUsed = true;
    },
    left: (): string => holders.flatMap(({ name, prepared }) => (prepared === undefined ? [] : [name])).join(''),
  };
}

it('what was prepared first is forgotten first', () => {
  const { add, left } = forms(3);
  add('a', 'b', 'c');
  expect(left()).toBe('abc');
  add('d', 'e');
  expect(left()).toBe('cde');
});

it('what was asked for since is passed over, once for each time that it was', () => {
  const { add, use, left } = forms(3);
  add('a', 'b', 'c');
  use('a', 'c');
  add('d');
  expect(left()).toBe('acd');
  add('e');
  expect(left()).toBe('cde');
  add('f');
  expect(left()).toBe('cef');
});

it('where all are in use, some are passed over, and then one makes room', () => {
  const names = [...'abcdefghijkl'];
  const { add, use, left } = forms(names.length);
  add(...names);
  use(...names);
  add('m');
  expect(left()).toBe('abcdefghjklm');
});

it('one that is larger than all may be is prepared, and nothing beside it', () => {
  const all = new PreparedForms(10);
  const [small, large, next]: Holder[] = [{}, {}, {}];
  all.add(small as Holder, { ...unused, isUsed: true }, 10);
  all.add(large as Holder, unused, 100);
  expect([small?.prepared, large?.prepared]).toEqual([undefined, unused]);
  all.add(next as Holder, unused, 10);
  expect([large?.prepared, next?.prepared]).toEqual([undefined, unused]);
});
