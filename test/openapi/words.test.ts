import { expect, test } from 'vitest';
import { idOfWhat, plainWord, singular } from '../../src/openapi/words.ts';

const words: [string, string][] = [
  ...([
    'accommodations accommodation',
    'categories category',
    'movies movie',
    'people person',
    'addresses address',
    'boxes box',
    'statuses status',
    'series series',
    'news news',
    'bus bus',
    'analysis analysis',
    'order_items order_item',
    'orderItems orderItem',
    'keys key',
    'media medium',
  ].map((pair) => pair.split(' ')) as [string, string][]),
];
test.each(words)('%s is many a %s', (many, one) => expect(singular(many)).toBe(one));

test.each([
  ['stepId', 'step', false],
  ['step_id', 'step', false],
  ['stepID', 'step', false],
  ['stepIds', 'step', true],
  ['orderItemId', 'order-item', false],
  ['person_uuid', 'person', false],
] as const)('%s names a %s', (field, resource, many) => expect(idOfWhat(field)).toEqual({ resource, many }));
test.each(['id', 'valid', 'paid', 'grid', 'ids', 'step'])('%s names nothing', (field) =>
  expect(idOfWhat(field)).toBeUndefined(),
);
test('words are alike however they are joined', () => {
  expect(['orderItem', 'order_item', 'order-item', 'OrderItem'].map(plainWord)).toEqual(Array(4).fill('order-item'));
});
