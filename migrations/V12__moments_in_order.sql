-- The moment of a batch used to be the beginning of its transaction, and so did not rise with seq where one took long. From here on it is
-- taken under the room's lock. What was logged before stays as it is, since chains cover it; this says up to where that goes.
alter table pgcanvas.rooms add column rising_after bigint not null default 0;
comment on column pgcanvas.rooms.rising_after is 'Up to this seq a batch has the moment its transaction began, in any order; after it moments rise with seq.';
update pgcanvas.rooms set rising_after = last_seq where last_seq > 0;
