-- Pictures that nothing names any more. The log is looked through once, as it grows; what of it is kept is told by each room's min_since.

create or replace function pgcanvas.note_file_uses(p_batches bigint default 10000)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_room record;
  v_to bigint;
  v_left bigint := p_batches;
begin
  if not pg_try_advisory_xact_lock(upkeep_lock('files')) then return false; end if;  -- another node is at it
  for v_room in select r.id, l.seq as last_seq, greatest(t.seq, r.min_since) as seq from rooms r left join file_tallies t
    on t.room_id = r.id
                cross join lateral last_seq(r.id, r.min_since) as l (seq)
                where l.seq > greatest(t.seq, r.min_since) loop
    v_to := least(v_room.last_seq, v_room.seq + v_left);
    insert into file_uses as u (room_id, sha256, seq)
      select v_room.id, f.name, max(c.seq) from shape_changes c
      cross join lateral (values (c.change #>> '{shape,file_id}'), (c.change #>> '{set,file_id}'),
                                 (c.before #>> '{set,file_id}'), (c.before ->> 'file_id')) as f (name)
      where c.room_id = v_room.id and c.seq > v_room.seq and c.seq <= v_to and f.name ~ '^[0-9a-f]{64}$'
        and (c.change::text like '%"file_id"%' or c.before::text like '%"file_id"%')
      group by f.name
      on conflict on constraint file_uses_pkey do update set seq = excluded.seq;
    insert into file_tallies (room_id, seq) values (v_room.id, v_to)
      on conflict on constraint file_tallies_pkey do update set seq = excluded.seq;
    v_left := v_left - (v_to - v_room.seq);
    if v_left <= 0 then return true; end if;
  end loop;
  return false;
end $$;
comment on function pgcanvas.note_file_uses is
  'Notes which pictures the log names, of at most so many batches that were not looked at yet; whether there may be more.';

create or replace function pgcanvas.collect_files(p_grace interval)
  returns bigint language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_gone bigint;
begin
  if p_grace is null or p_grace < interval '1 hour' then
    raise exception 'grace: must be at least an hour, for those who draw what they sent' using errcode = 'WB001';
  end if;
  if not pg_try_advisory_xact_lock(upkeep_lock('files')) then return 0; end if;
  while note_file_uses() loop end loop;
  update files f set unnamed_since = case when n.named then null else now() end
  from (select g.sha256, exists (select from shapes s where s.file_id = g.sha256)
               or exists (select from file_uses u join rooms r on r.id = u.room_id
                          where u.sha256 = g.sha256 and u.seq > r.min_since) as named
        from files g) as n
  where f.sha256 = n.sha256 and n.named = (f.unnamed_since is not null);
  delete from files where unnamed_since < now() - p_grace;
  get diagnostics v_gone = row_count;
  return v_gone;
end $$;
comment on function pgcanvas.collect_files is
  'Removes pictures that no shape and no kept change has named for so long, and says how many. Who sends one again has the whole time '
  'again.';
