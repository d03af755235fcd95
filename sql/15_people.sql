-- People: accounts and who is signed in. A node hashes passwords and tokens; neither ever comes here.

create or replace function pgcanvas.create_user(p_login text, p_name text, p_password_hash text)
  returns void language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  insert into users (id, name, password_hash) values (p_login, p_name, p_password_hash);
end $$;
comment on function pgcanvas.create_user is 'Makes an account. A taken login raises users_pkey, one that breaks the rule login_check.';

create or replace function pgcanvas.set_password(p_login text, p_password_hash text, p_keep bytea default null)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  update users set password_hash = p_password_hash where id = p_login;
  if not found then return false; end if;
  delete from sign_ins s where s.user_id = p_login and s.token_hash is distinct from p_keep;
  delete from sign_in_attempts a where a.login = p_login;
  return true;
end $$;
comment on function pgcanvas.set_password is
  'Gives somebody another password, and signs them out everywhere but where the token is to be kept; false when there is no such '
  'account.';

create or replace function pgcanvas.user_by_login(p_login text)
  returns table (id text, name text, password_hash text)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select u.id, u.name, u.password_hash from users u where u.id = p_login
$$;
comment on function pgcanvas.user_by_login is 'An account, to try a password on; no row when there is none.';

create or replace function pgcanvas.attempt_sign_in(p_login text)
  returns integer language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_failures integer;
  v_last_at timestamptz;
  v_next_at timestamptz;
begin
  -- Counted before it is tried, so that many at once are many. The row is locked until the end: they come one by one.
  insert into sign_in_attempts (login, failures, last_at) values (p_login, 1, clock_timestamp()) on conflict do nothing;
  if found then return 0; end if;
  select a.failures, a.last_at into v_failures, v_last_at from sign_in_attempts a where a.login = p_login for update;
  if v_last_at < clock_timestamp() - interval '15 minutes' then v_failures := 0; end if;
  -- Five are free; then a second, two, four … at most a minute apart.
  v_next_at := v_last_at + case when v_failures < 5 then interval '0' else interval '1 second' * least(60,
    2 ^ least(v_failures - 5, 10)) end;
  if v_next_at > clock_timestamp() then
    return ceil(extract(epoch from v_next_at - clock_timestamp()))::integer;
  end if;
  update sign_in_attempts a set failures = coalesce(v_failures, 0) + 1, last_at = clock_timestamp() where a.login = p_login;
  return 0;
end $$;
comment on function pgcanvas.attempt_sign_in is
  'Whether a password may be tried on a login now: 0, and it counts as a failure until add_sign_in; else for how many seconds not.';

create or replace function pgcanvas.add_sign_in(p_user text, p_token_hash bytea, p_days integer)
  returns text language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_expires_at timestamptz := now() + make_interval(days => p_days);
begin
  insert into sign_ins (token_hash, user_id, expires_at) values (p_token_hash, p_user, v_expires_at);
  delete from sign_in_attempts a where a.login = p_user;
  return iso(v_expires_at);
end $$;
comment on function pgcanvas.add_sign_in is
  'Somebody is signed in by a token from now on, for so many days, and is forgiven earlier attempts; says until when.';

create or replace function pgcanvas.sign_out(p_token_hash bytea)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  delete from sign_ins s where s.token_hash = p_token_hash;
  return found;
end $$;
comment on function pgcanvas.sign_out is 'A token counts no more; false when it did not before.';

create or replace function pgcanvas.who_is(p_token_hash bytea)
  returns table (id text, name text)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select u.id, u.name from sign_ins s join users u on u.id = s.user_id where s.token_hash = p_token_hash and s.expires_at > now()
$$;
comment on function pgcanvas.who_is is 'Whose token it is; no row when it does not count, or no more.';

create or replace function pgcanvas.signed_out(p_token_hashes bytea[])
  returns setof bytea language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select h from unnest(p_token_hashes) as h
  where not exists (select from sign_ins s where s.token_hash = h and s.expires_at > now())
$$;
comment on function pgcanvas.signed_out is 'Those of these tokens that do not count any more.';

create or replace function pgcanvas.forget_expired()
  returns bigint language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_links bigint;
begin
  -- Only rooms that nobody holds: whoever waited here would hold the others meanwhile.
  delete from links l
  using (select r.id from rooms r where r.id in (select e.room_id from links e where e.expires_at <= now()) order by r.id
         for update skip locked) as free
  where l.room_id = free.id and l.expires_at <= now();
  get diagnostics v_links = row_count;
  delete from sign_ins s where s.expires_at <= now();
  delete from sign_in_attempts a where a.last_at < now() - interval '1 hour';
  return v_links;
end $$;
comment on function pgcanvas.forget_expired is
  'Forgets links and sign-ins that have expired, and old attempts. A link that goes throws out who came by it. Says how many links.';
