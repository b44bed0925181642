import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { type Accommodation, writeAccommodation } from './api.ts';
import { noteSent } from './stopwatch.ts';

interface Props {
  readonly accommodation: Accommodation;
  readonly writer: string;
}

/** No write invalidates or sets anything: the event of the write refetches the step, here as in every other window. */
export function AccommodationRow({ accommodation, writer }: Props) {
  const { id, name, nights, version, updatedBy } = accommodation;
  const { mutate, isPending, error } = useMutation({
    mutationFn: (changes: Partial<Accommodation>) => {
      noteSent('PUT', `/accommodations/${id}`);
      return writeAccommodation(id, { ...changes, updatedBy: writer });
    },
  });
  const [first] = useState(version);
  // Not disabled while a write runs: the keyboard would lose its place.
  const change = (changes: Partial<Accommodation>): void => {
    if (!isPending) mutate(changes);
  };
  return (
    <li className="accommodation" aria-busy={isPending}>
      <NameForm name={name} onName={(changed) => change({ name: changed })} />
      <div className="nights">
        <button
          type="button"
          aria-label={`One night less at ${name}`}
          onClick={() => nights > 1 && change({ nights: nights - 1 })}
        >
          −
        </button>
        <output
          key={version}
          className={version === first ? undefined : 'changed'}
          data-field="nights"
          data-accommodation={id}
        >
          {nights}
        </output>
        <button type="button" aria-label={`One night more at ${name}`} onClick={() => change({ nights: nights + 1 })}>
          +
        </button>
        <span>{nights === 1 ? 'night' : 'nights'}</span>
        {updatedBy !== null && <small>changed in {updatedBy}</small>}
      </div>
      {error !== null && <p role="alert">{error.message}</p>}
    </li>
  );
}

function NameForm({ name, onName }: { readonly name: string; onName(name: string): void }) {
  const [text, setText] = useState(name);
  useEffect(() => setText(name), [name]);
  const save = (event?: FormEvent): void => {
    event?.preventDefault();
    const trimmed = text.trim();
    if (trimmed !== '' && trimmed !== name) onName(trimmed);
    else setText(name);
  };
  return (
    <form onSubmit={save}>
      <input
        aria-label="Name of the accommodation"
        value={text}
        maxLength={80}
        onChange={({ target }) => setText(target.value)}
        onBlur={() => save()}
      />
    </form>
  );
}
