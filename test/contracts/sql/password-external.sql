with input as materialized (
  select * from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
    $17::bigint[], $18::bigint[], $19::text[], $20::text[], $21::bigint[], $22::bigint[], $23::bigint[],
    $24::bigint[], $25::text[], $26::text[], $27::text[], $28::bigint[], $29::text[], $30::text[],
    $31::text[], $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[]
  ) with ordinality as input (
    "at", "client_id", "sub", "authorization_id", "until", "authorizations.id", "authorizations.client_id",
    "authorizations.sub", "authorizations.tenant", "authorizations.sign_in_tenant", "authorizations.sid",
    "authorizations.scope", "authorizations.resources", "authorizations.idp", "authorizations.amr",
    "authorizations.acr", "authorizations.auth_time", "authorizations.signed_in_at",
    "authorizations.claims", "authorizations.requested_claims", "authorizations.created_at",
    "authorizations.expires_at", "authorizations.revoked_at", "authorizations.clean_at", "families.id",
    "families.authorization_id", "families.client_id", "families.generation", "families.scope",
    "families.access_claims", "families.cnf", "families.created_at", "families.expires_at",
    "families.idle_expires_at", "families.rotated_at", "families.clean_at", place
  )
), valid as materialized (
  select input.* from input
  where coalesce(
      (select stands from standing where kind = 'client' and id = input.client_id),
      (select stands from standing where kind = 'stored_client' and id = input.client_id),
      case when left(input.client_id, 8) in ('https://', 'sealed1.') then 1 end) = 1
    and case when (select stands from standing where kind = 'inactive_user' and id = input.sub) = 1
        or exists (select 1 from stored_users where sub = input.sub) then 0 else 1 end = 1
    and (authorization_id is null or (
      select true from authorizations
      where id = input.authorization_id and revoked_at is null and expires_at > input.at))
), consumed as (
  select * from valid
), "authorization" as (
  insert into authorizations (
    id, client_id, sub, tenant, sign_in_tenant, sid, scope, resources, idp, amr, acr, auth_time,
    signed_in_at, claims, requested_claims, created_at, expires_at, revoked_at, clean_at
  ) select
    "authorizations.id", "authorizations.client_id", "authorizations.sub", "authorizations.tenant",
    "authorizations.sign_in_tenant", "authorizations.sid", "authorizations.scope",
    "authorizations.resources", "authorizations.idp", "authorizations.amr", "authorizations.acr",
    "authorizations.auth_time", "authorizations.signed_in_at", "authorizations.claims",
    "authorizations.requested_claims", "authorizations.created_at", "authorizations.expires_at",
    "authorizations.revoked_at", "authorizations.clean_at"
  from consumed
), "family" as (
  insert into families (
    id, authorization_id, client_id, generation, scope, access_claims, cnf, created_at, expires_at,
    idle_expires_at, rotated_at, clean_at
  ) select
    "families.id", "families.authorization_id", "families.client_id", "families.generation",
    "families.scope", "families.access_claims", "families.cnf", "families.created_at",
    "families.expires_at", "families.idle_expires_at", "families.rotated_at", "families.clean_at"
  from consumed
), authorization_extended as (
  update authorizations set expires_at = consumed.until
  from consumed
  where authorizations.id = consumed.authorization_id and authorizations.expires_at < consumed.until
)
select place, case
    when place not in (select place from valid) then 'revoked'
    when place in (select place from consumed) then 'committed'
    when false then 'revoked'
    else 'already_used'
  end
from input;
