/**
 * A few plausible trips. Trip 3 has steps 7 and 9, and accommodation 42 belongs to step 7, so that the examples in the
 * documentation work as written. New rows are numbered from 1000 and never collide with these.
 *
 * Tokens of the seeded users: `ada-token`, `grace-token`.
 */
export const seed = `
insert into countries (code, name_en, name_fr) values
  ('FR', 'France', 'France'), ('IS', 'Iceland', 'Islande'), ('JP', 'Japan', 'Japon'),
  ('NO', 'Norway', 'Norvège'), ('PT', 'Portugal', 'Portugal');

insert into users (id, name, email, token_hash) values
  (1, 'Ada Lovelace', 'ada@example.org', sha256('ada-token')),
  (2, 'Grace Hopper', 'grace@example.org', sha256('grace-token'));

insert into trips (id, owner_id, title, starts_on, ends_on) values
  (1, 1, 'A long weekend in Lisbon', '2027-03-12', '2027-03-15'),
  (2, 2, 'Cherry blossom in Japan', '2027-03-27', '2027-04-09'),
  (3, 1, 'Around Iceland in ten days', '2027-06-04', '2027-06-13');

insert into steps (id, trip_id, title, position, country_code, starts_on, ends_on) values
  (1, 1, 'Alfama', 1, 'PT', '2027-03-12', '2027-03-14'),
  (2, 1, 'Sintra', 2, 'PT', '2027-03-14', '2027-03-15'),
  (3, 2, 'Tokyo', 1, 'JP', '2027-03-27', '2027-04-01'),
  (4, 2, 'Hakone', 2, 'JP', '2027-04-01', '2027-04-03'),
  (5, 2, 'Kyoto', 3, 'JP', '2027-04-03', '2027-04-09'),
  (7, 3, 'Reykjavík and the Golden Circle', 1, 'IS', '2027-06-04', '2027-06-07'),
  (8, 3, 'The south coast to Höfn', 2, 'IS', '2027-06-07', '2027-06-10'),
  (9, 3, 'Akureyri and Mývatn', 3, 'IS', '2027-06-10', '2027-06-13');

insert into accommodations (id, step_id, name, nights, price_cents, booking_reference, favourite_count) values
  (11, 1, 'Casa do Mirante', 2, 19800, 'LIS-20418', 3),
  (12, 2, 'Quinta das Camélias', 1, 11200, null, 1),
  (21, 3, 'Yanaka Ryokan', 5, 71000, 'TYO-77120', 8),
  (22, 4, 'Gora Onsen House', 2, 48600, 'HAK-00913', 5),
  (23, 5, 'Machiya near Nishijin', 6, 90300, null, 2),
  (42, 7, 'Guesthouse Sunna', 3, 42900, 'RKV-31007', 4),
  (43, 8, 'Farm stay at Kálfafell', 2, 35400, null, 0),
  (44, 8, 'Höfn Harbour Hostel', 1, 12800, 'HFN-5520', 1),
  (45, 9, 'Hotel Norðurland', 3, 50100, 'AEY-8841', 2);

insert into activities (id, step_id, name, starts_at, participants, price_cents) values
  (1, 1, 'Fado evening', '2027-03-12T20:30:00Z', 2, 7000),
  (2, 2, 'Pena Palace', '2027-03-14T09:00:00Z', 2, 4000),
  (3, 3, 'Tsukiji breakfast walk', '2027-03-28T22:00:00Z', 2, 9600),
  (4, 5, 'Philosopher''s Path at dawn', '2027-04-04T21:00:00Z', 2, 0),
  (5, 7, 'Þingvellir, Geysir and Gullfoss', '2027-06-05T08:00:00Z', 2, 15800),
  (6, 7, 'Snorkelling in Silfra', '2027-06-06T10:00:00Z', 2, 37800),
  (7, 8, 'Glacier walk on Sólheimajökull', '2027-06-07T11:00:00Z', 2, 29000),
  (8, 9, 'Whale watching from Húsavík', '2027-06-11T09:00:00Z', 2, 21800);

insert into notifications (id, user_id, message, read) values
  (1, 1, 'Guesthouse Sunna has confirmed your booking.', false),
  (2, 1, 'Passport check: valid for your trip to Iceland.', true),
  (3, 2, 'Gora Onsen House asks for your time of arrival.', false);
`;
