-- People and what they may: accounts, who is signed in, members and links of rooms. Of secrets only hashes are kept.
create domain pgcanvas.login as text collate "C"
  constraint login_check check (value ~ '^[a-z0-9][a-z0-9._-]{1,31}$' and value !~ '^guest(-|$)');
create domain pgcanvas.token_hash as bytea constraint token_hash_check check (octet_length(value) = 32);
create type pgcanvas.room_role as enum ('viewer', 'editor', 'owner');

comment on domain pgcanvas.login is 'The name that a person signs in by and that the log knows: 2 to 32 of a-z, 0-9, ".", "_" and "-"; guests have names of their own.';
comment on domain pgcanvas.token_hash is 'SHA-256 of a token: enough to know it again, of no use to whoever reads it.';
comment on type pgcanvas.room_role is 'A right in a room; each includes those before it.';

create table pgcanvas.users (
  id             pgcanvas.login not null,
  name           text not null,
  password_hash  text not null,
  created_at     timestamptz not null default now(),
  constraint users_pkey primary key (id),
  constraint users_name_check check (char_length(name) between 1 and 64 and name !~ '[[:cntrl:]]'),
  constraint users_password_hash_check check (password_hash like '$argon2id$%' and octet_length(password_hash) <= 256)
);
comment on table pgcanvas.users is 'People who can sign in.';
comment on column pgcanvas.users.id is 'The login, and the author in the log.';
comment on column pgcanvas.users.name is 'How the person is called.';
comment on column pgcanvas.users.password_hash is 'Argon2id in its usual text form, made by a node: the password itself never comes here.';
comment on column pgcanvas.users.created_at is 'When the account was made.';

create table pgcanvas.sign_ins (
  token_hash  pgcanvas.token_hash not null,
  user_id     pgcanvas.login not null,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  constraint sign_ins_pkey primary key (token_hash),
  constraint sign_ins_user_id_fkey foreign key (user_id) references pgcanvas.users on delete cascade
);
create index sign_ins_user_id_idx on pgcanvas.sign_ins (user_id);
create index sign_ins_expires_at_idx on pgcanvas.sign_ins (expires_at);
comment on table pgcanvas.sign_ins is 'Who is signed in: one row per token that is out.';
comment on column pgcanvas.sign_ins.token_hash is 'The token''s hash.';
comment on column pgcanvas.sign_ins.user_id is 'Whose token it is.';
comment on column pgcanvas.sign_ins.created_at is 'When the person signed in.';
comment on column pgcanvas.sign_ins.expires_at is 'Until when the token counts.';
comment on index pgcanvas.sign_ins_user_id_idx is 'For accounts that go.';
comment on index pgcanvas.sign_ins_expires_at_idx is 'For those to be forgotten.';

create table pgcanvas.sign_in_attempts (
  login     pgcanvas.login not null,
  failures  integer not null,
  last_at   timestamptz not null,
  constraint sign_in_attempts_pkey primary key (login),
  constraint sign_in_attempts_failures_check check (failures > 0)
);
comment on table pgcanvas.sign_in_attempts is 'Logins that were tried in vain lately, whether there is such a person or not; counted for all nodes together.';
comment on column pgcanvas.sign_in_attempts.login is 'The login that was tried.';
comment on column pgcanvas.sign_in_attempts.failures is 'How often since the last success or the last long pause.';
comment on column pgcanvas.sign_in_attempts.last_at is 'When it was tried last.';

create table pgcanvas.members (
  room_id     bigint not null,
  user_id     pgcanvas.login not null,
  role        pgcanvas.room_role not null,
  created_at  timestamptz not null default now(),
  constraint members_pkey primary key (room_id, user_id),
  constraint members_room_id_fkey foreign key (room_id) references pgcanvas.rooms on delete cascade,
  constraint members_user_id_fkey foreign key (user_id) references pgcanvas.users on delete cascade
);
create index members_user_id_idx on pgcanvas.members (user_id);
comment on table pgcanvas.members is 'People who have a right in a room of their own, beside what the room gives everybody.';
comment on column pgcanvas.members.room_id is 'In which room.';
comment on column pgcanvas.members.user_id is 'Who.';
comment on column pgcanvas.members.role is 'What they may.';
comment on column pgcanvas.members.created_at is 'Since when they are a member.';
comment on index pgcanvas.members_user_id_idx is 'For the rooms of a person, and for accounts that go.';

create table pgcanvas.links (
  id          uuid not null default gen_random_uuid(),
  room_id     bigint not null,
  role        pgcanvas.room_role not null,
  token_hash  pgcanvas.token_hash not null,
  created_by  text not null,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz,
  constraint links_pkey primary key (id),
  constraint links_token_hash_key unique (token_hash),
  constraint links_room_id_fkey foreign key (room_id) references pgcanvas.rooms on delete cascade
);
create index links_room_id_idx on pgcanvas.links (room_id);
create index links_expires_at_idx on pgcanvas.links (expires_at) where expires_at is not null;
comment on table pgcanvas.links is 'Links that give a right in a room to whoever holds them.';
comment on column pgcanvas.links.id is 'Its name: no secret.';
comment on column pgcanvas.links.room_id is 'Into which room it leads.';
comment on column pgcanvas.links.role is 'What who holds it may.';
comment on column pgcanvas.links.token_hash is 'Hash of the token that the link holds.';
comment on column pgcanvas.links.created_by is 'Who made it.';
comment on column pgcanvas.links.created_at is 'When it was made.';
comment on column pgcanvas.links.expires_at is 'Until when it counts; null: until it is taken back.';
comment on index pgcanvas.links_room_id_idx is 'For a room''s list.';
comment on index pgcanvas.links_expires_at_idx is 'For those to be forgotten.';

alter domain pgcanvas.visibility drop constraint visibility_check;
alter domain pgcanvas.visibility add constraint visibility_check check (value in ('open', 'readable', 'private'));
comment on domain pgcanvas.visibility is 'What a room gives everybody: to draw, to look, or nothing.';
comment on column pgcanvas.rooms.visibility is 'open: listed, and everybody draws; readable: listed, and everybody looks; private: not listed, and only members and links get in.';
comment on column pgcanvas.rooms.owner is 'Who made the room; what they may is in members and links.';

alter table pgcanvas.rooms add column rights bigint not null default 0;
comment on column pgcanvas.rooms.rights is 'Counts the changes of who may what: a socket that was let in at a lower count has to ask anew.';

-- Their parameters or results change; the bundle makes them anew.
drop function if exists pgcanvas.create_room(text, text, text, text);
drop function if exists pgcanvas.list_rooms(text, integer);
drop function if exists pgcanvas.room_head(bigint);
