import type { Field } from './fields.ts';
import type { Resource } from './resource.ts';

const title: Field = { name: 'title', kind: 'text', required: true };
const name: Field = { name: 'name', kind: 'text', required: true };
const startsOn: Field = { name: 'startsOn', kind: 'date', nullable: true };
const endsOn: Field = { name: 'endsOn', kind: 'date', nullable: true };
/** The server should maintain these two itself. It takes them from the client, so a partial PUT loses them. */
const createdAt: Field = { name: 'createdAt', kind: 'timestamp' };
const updatedBy: Field = { name: 'updatedBy', kind: 'text', nullable: true };

export const trips: Resource = {
  singular: 'trip',
  plural: 'trips',
  rows: 'trip_rows',
  document: 'trip_document',
  fields: [title, { name: 'ownerId', kind: 'integer', nullable: true }, startsOn, endsOn, updatedBy, createdAt],
  filters: ['ownerId'],
};

export const steps: Resource = {
  singular: 'step',
  plural: 'steps',
  rows: 'step_rows',
  document: 'step_document',
  fields: [
    { name: 'tripId', kind: 'integer', required: true },
    title,
    { name: 'position', kind: 'integer' },
    { name: 'countryCode', kind: 'text', nullable: true },
    startsOn,
    endsOn,
    updatedBy,
    createdAt,
  ],
  filters: ['tripId'],
  localised: true,
};

const inStep: readonly Field[] = [
  { name: 'stepId', kind: 'integer', required: true },
  name,
  { name: 'priceCents', kind: 'integer' },
  { name: 'notes', kind: 'text', nullable: true },
  { name: 'favouriteCount', kind: 'integer' },
  updatedBy,
  createdAt,
];

export const accommodations: Resource = {
  singular: 'accommodation',
  plural: 'accommodations',
  rows: 'accommodation_rows',
  document: 'accommodation_document',
  fields: [...inStep, { name: 'nights', kind: 'integer' }, { name: 'bookingReference', kind: 'text', nullable: true }],
  filters: ['stepId', 'tripId'],
};

export const activities: Resource = {
  singular: 'activity',
  plural: 'activities',
  rows: 'activity_rows',
  document: 'activity_document',
  fields: [
    ...inStep,
    { name: 'startsAt', kind: 'timestamp', nullable: true },
    { name: 'participants', kind: 'integer' },
  ],
  filters: ['stepId', 'tripId'],
};

export const users: Resource = {
  singular: 'user',
  plural: 'users',
  rows: 'user_rows',
  document: 'user_document',
  fields: [name, { name: 'email', kind: 'text', required: true }],
  filters: [],
};

export const notifications: Resource = {
  singular: 'notification',
  plural: 'notifications',
  rows: 'notification_rows',
  document: 'notification_document',
  fields: [
    { name: 'message', kind: 'text', required: true },
    { name: 'read', kind: 'boolean' },
  ],
  filters: [],
};
