import { accommodationView, listView, stepView, tripView, type View } from './views.ts';

export interface Read {
  readonly target: string;
  readonly language: 'en' | 'fr';
  readonly view: View;
}

/** Some reads, a write that makes all of them stale, and the same reads again. */
export interface Act {
  readonly title: string;
  readonly why: string;
  readonly reads: readonly Read[];
  readonly write: { readonly method: string; readonly target: string; readonly body?: unknown };
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
}

/** The rows in demo/api/seed.ts. */
export const seededRows: Rows = { trip: 3, step: 7, accommodation: 42, otherStep: 9, doomed: 43, doomedStep: 8 };

export function scenario(rows: Rows): readonly Act[] {
  const { trip, step, accommodation, otherStep, doomed, doomedStep } = rows;
  return [
    {
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
      title: `A PATCH that moves a child from step ${step} to step ${otherStep}`,
      why: 'The answer names the new step. Only the representation before the write names the old one.',
      reads: [read(`/steps/${step}`, stepView), read(`/steps/${otherStep}`, stepView)],
      write: { method: 'PATCH', target: `/accommodations/${accommodation}`, body: { stepId: otherStep } },
    },
    {
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

function read(target: string, view: View): Read {
  return { target, language: 'en', view };
}
