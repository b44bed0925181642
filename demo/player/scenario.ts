import { accommodationView, listView, stepView, tripView, type View } from './views.ts';

export interface Read {
  readonly target: string;
  readonly language: 'en' | 'fr';
  readonly view: View;
}

export type Act = StaleAct | EditorsAct;

interface Scene {
  readonly title: string;
  readonly why: string;
}

/** Some reads, a write that makes all of them stale, and the same reads again. */
export interface StaleAct extends Scene {
  readonly kind: 'stale';
  readonly reads: readonly Read[];
  readonly write: { readonly method: string; readonly target: string; readonly body?: unknown };
}

/** Forms of one resource that are all opened before any of them is saved. */
export interface EditorsAct extends Scene {
  readonly kind: 'editors';
  readonly target: string;
  readonly forms: readonly Form[];
  /**
   * Each form has what the API requires and what its editor has changed, and all are saved at once. Or each has the
   * whole resource, and they are saved one after the other, with the entity tag that they were read with.
   */
  readonly save: 'partsAtOnce' | 'wholeInTurn';
}

export interface Form {
  readonly editor: string;
  /** Member → its new value. */
  readonly changes: Readonly<Record<string, unknown>>;
}

/** The rows that the scenario uses. */
export interface Rows {
  readonly trip: number;
  /** A step of that trip, with only the accommodation below. */
  readonly step: number;
  readonly accommodation: number;
  /** The step that the accommodation moves to. */
  readonly otherStep: number;
  /** An accommodation that is deleted, and its step. */
  readonly doomed: number;
  readonly doomedStep: number;
  /** Two accommodations that editors change. */
  readonly edited: number;
  readonly editedNext: number;
}

/** The rows in demo/api/seed.ts. */
export const seededRows: Rows = {
  trip: 3,
  step: 7,
  accommodation: 42,
  otherStep: 9,
  doomed: 43,
  doomedStep: 8,
  edited: 45,
  editedNext: 44,
};

export function scenario(rows: Rows): readonly Act[] {
  return [...staleActs(rows), ...editorsActs(rows)];
}

function staleActs(rows: Rows): readonly StaleAct[] {
  const { trip, step, accommodation, otherStep, doomed, doomedStep } = rows;
  return [
    {
      kind: 'stale',
      title: 'A PUT of a child: every parent that embeds it is fresh, in every language',
      why: `The answer to the PUT names step ${step} and trip ${trip}. The rule reads them from there.`,
      reads: [
        read(`/steps/${step}`, stepView),
        { ...read(`/steps/${step}`, stepView), language: 'fr' },
        read(`/trips/${trip}`, tripView),
      ],
      write: {
        method: 'PUT',
        target: `/accommodations/${accommodation}`,
        body: { stepId: step, name: 'Guesthouse Sunna', nights: 4, priceCents: 57_200 },
      },
    },
    {
      kind: 'stale',
      title: 'A DELETE that answers 204 without a body',
      why: 'Only the representation before the write names its parents. The gateway has it stored, or reads it first.',
      reads: [
        read(`/steps/${doomedStep}`, stepView),
        read(`/trips/${trip}`, tripView),
        read(`/accommodations/${doomed}`, accommodationView),
      ],
      write: { method: 'DELETE', target: `/accommodations/${doomed}` },
    },
    {
      kind: 'stale',
      title: `A PATCH that moves a child from step ${step} to step ${otherStep}`,
      why: 'The answer names the new step. Only the representation before the write names the old one.',
      reads: [read(`/steps/${step}`, stepView), read(`/steps/${otherStep}`, stepView)],
      write: { method: 'PATCH', target: `/accommodations/${accommodation}`, body: { stepId: otherStep } },
    },
    {
      kind: 'stale',
      title: 'A POST into a list that was cached empty',
      why: 'An empty list names no child. The rule names the path of the list, which covers all its queries.',
      reads: [read(`/accommodations?stepId=${step}`, listView), read(`/steps/${step}`, stepView)],
      write: {
        method: 'POST',
        target: '/accommodations',
        body: { stepId: step, name: 'Hotel Tjörnin', nights: 2, priceCents: 38_000 },
      },
    },
  ];
}

function editorsActs({ edited, editedNext }: Rows): readonly EditorsAct[] {
  return [
    {
      kind: 'editors',
      title: 'Two editors save two forms of one resource at the same moment',
      why: 'Each form has a part of it, and this API resets what a PUT leaves out. `merge` lays it over what is there.',
      target: `/accommodations/${edited}`,
      forms: [
        { editor: 'Ada', changes: { nights: 4 } },
        { editor: 'Grace', changes: { notes: 'Arrives after midnight' } },
      ],
      save: 'partsAtOnce',
    },
    {
      kind: 'editors',
      title: 'An editor saves a whole form, opened before somebody else saved hers',
      why: 'This API gives no ETag here. The gateway does, and answers an old one in If-Match with 412 by itself.',
      target: `/accommodations/${editedNext}`,
      forms: [
        { editor: 'Grace', changes: { notes: 'Has a dog' } },
        { editor: 'Ada', changes: { nights: 2 } },
      ],
      save: 'wholeInTurn',
    },
  ];
}

function read(target: string, view: View): Read {
  return { target, language: 'en', view };
}
