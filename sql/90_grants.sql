-- Who may do what. Roles belong to the cluster: another database may have made them, or be making them now.

create or replace function pgcanvas.make_role(p_role text, p_comment text)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if exists (select from pg_roles where rolname = p_role) then return; end if;
  execute format('create role %I nologin', p_role);
  execute format('comment on role %I is %L', p_role, p_comment);
exception
  when duplicate_object or unique_violation then null;  -- made by another database's migration in this moment
  when insufficient_privilege then
    raise notice 'role % cannot be made by %: everything works but for those who would be its members', p_role, current_user;
end $$;
comment on function pgcanvas.make_role is 'Makes a group role unless it is there; says so when it may not.';

select pgcanvas.make_role('pgcanvas_node', 'Nodes of pgcanvas: may call the procedures that nodes call, and nothing else.');
select pgcanvas.make_role('pgcanvas_analyst', 'Analysts of pgcanvas: may read the views.');
select pgcanvas.make_role('pgcanvas_writer',
  'SQL writers of pgcanvas: may read and write shapes; what the server stamps is not theirs to set.');

revoke all on schema pgcanvas from public;
revoke all on all tables in schema pgcanvas from public;
revoke all on all functions in schema pgcanvas from public;
revoke all on all procedures in schema pgcanvas from public;

do $$ begin
  if not exists (select from pg_roles where rolname = 'pgcanvas_node') then return; end if;
  revoke all on all tables in schema pgcanvas from pgcanvas_node;
  revoke all on all functions in schema pgcanvas from pgcanvas_node;
  grant usage on schema pgcanvas to pgcanvas_node;
  grant execute on function pgcanvas.contract, pgcanvas.iso, pgcanvas.apply_batches, pgcanvas.move_gesture, pgcanvas.undo_changes,
    pgcanvas.set_policy, pgcanvas.changes_since, pgcanvas.room_state, pgcanvas.room_head,
    pgcanvas.create_room, pgcanvas.open_room, pgcanvas.list_rooms, pgcanvas.room_snapshot, pgcanvas.room_delta, pgcanvas.room_delta_at,
    pgcanvas.shapes_by_id, pgcanvas.shapes_in_box, pgcanvas.ring, pgcanvas.put_file, pgcanvas.read_file to pgcanvas_node;
  grant execute on function pgcanvas.seq_at, pgcanvas.room_at(text, bigint, text, integer),
    pgcanvas.room_at(text, timestamptz, text, integer),
    pgcanvas.room_history, pgcanvas.room_diff, pgcanvas.shape_blame, pgcanvas.restore_shapes, pgcanvas.branch_room,
    pgcanvas.write_snapshots, pgcanvas.prune_history, pgcanvas.forget_answers, pgcanvas.check_rewind, pgcanvas.remove_remains,
    pgcanvas.note_file_uses, pgcanvas.collect_files to pgcanvas_node;
  grant execute on function pgcanvas.create_user, pgcanvas.set_password, pgcanvas.user_by_login, pgcanvas.attempt_sign_in,
    pgcanvas.add_sign_in, pgcanvas.sign_out,
    pgcanvas.who_is, pgcanvas.claim_client, pgcanvas.signed_out, pgcanvas.forget_expired, pgcanvas.room_access, pgcanvas.set_visibility,
    pgcanvas.set_member, pgcanvas.drop_member, pgcanvas.list_members, pgcanvas.make_link, pgcanvas.list_links, pgcanvas.drop_link,
    pgcanvas.delete_room
    to pgcanvas_node;
end $$;

do $$ begin
  if not exists (select from pg_roles where rolname = 'pgcanvas_analyst') then return; end if;
  revoke all on all tables in schema pgcanvas from pgcanvas_analyst;
  revoke all on all functions in schema pgcanvas from pgcanvas_analyst;
  grant usage on schema pgcanvas to pgcanvas_analyst;
  grant select on pgcanvas.board_shapes, pgcanvas.room_activity, pgcanvas.change_log, pgcanvas.chat to pgcanvas_analyst;
  grant execute on function pgcanvas.contract, pgcanvas.chat_message, pgcanvas.change_before, pgcanvas.shape_history, pgcanvas.seq_at,
    pgcanvas.room_at(text, bigint, text, integer),
    pgcanvas.room_at(text, timestamptz, text, integer), pgcanvas.room_history, pgcanvas.room_diff, pgcanvas.shape_blame, pgcanvas.verify,
    pgcanvas.chain_head to pgcanvas_analyst;
end $$;

do $$ begin
  if not exists (select from pg_roles where rolname = 'pgcanvas_writer') then return; end if;
  revoke all on all tables in schema pgcanvas from pgcanvas_writer;
  revoke all on all functions in schema pgcanvas from pgcanvas_writer;
  grant usage on schema pgcanvas to pgcanvas_writer;
  grant select on pgcanvas.board_shapes, pgcanvas.room_activity, pgcanvas.change_log to pgcanvas_writer;
  grant select, delete,
    insert (room_id, id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color,
      background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props,
      extra),
    update (kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color,
      background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props,
      extra)
    on pgcanvas.shapes to pgcanvas_writer;
  grant select, insert, delete on pgcanvas.chat to pgcanvas_writer;
  grant execute on function pgcanvas.contract, pgcanvas.draw, pgcanvas.undo, pgcanvas.chat_message, pgcanvas.seq_at,
    pgcanvas.room_at(text, bigint, text, integer),
    pgcanvas.room_at(text, timestamptz, text, integer), pgcanvas.room_history, pgcanvas.room_diff, pgcanvas.shape_blame,
      pgcanvas.change_before, pgcanvas.shape_history, pgcanvas.restore
    to pgcanvas_writer;
  -- What a trigger that runs as the writer calls.
  grant execute on function pgcanvas.is_direct, pgcanvas.puts_back to pgcanvas_writer;
end $$;

-- The old name of the chat view, where it is ours.
do $$ begin
  if exists (select from pg_depend d join pg_rewrite w on w.oid = d.objid
             where w.ev_class = to_regclass('public.chat') and d.refobjid = 'pgcanvas.chat'::regclass) then
    if exists (select from pg_roles where rolname = 'pgcanvas_analyst') then grant select on public.chat to pgcanvas_analyst; end if;
    if exists (select from pg_roles where rolname = 'pgcanvas_writer') then
      grant select, insert, delete on public.chat to pgcanvas_writer;
    end if;
  end if;
end $$;

-- So that a node that connects as the schema's owner may lay the owner's rights down: set role pgcanvas_node.
do $$
declare
  v_right text := case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end;
begin
  if exists (select from pg_roles where rolname = 'pgcanvas_node') and not pg_has_role(current_user, 'pgcanvas_node', v_right) then
    execute format('grant pgcanvas_node to %I', current_user);
  end if;
exception
  when unique_violation or internal_error then null;  -- granted by another database's migration in this moment
  when insufficient_privilege then raise notice 'pgcanvas_node cannot be granted to %: its nodes keep its rights', current_user;
end $$;
