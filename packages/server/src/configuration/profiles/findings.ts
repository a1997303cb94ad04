/** Compares a configuration with the requirements of security profiles. */

import {
  includesProfile,
  type SecurityProfile,
  securityProfiles,
  stricterProfile,
} from '../../model/security-profile.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt } from '../draft.ts'
import { clientSchema } from '../schema/client.ts'
import { fapi2MessageSigning } from './fapi2-message-signing.ts'
import { fapi2Security } from './fapi2-security.ts'
import { distinct, type ProfileFinding, placeOf } from './finding.ts'
import { oauth21 } from './oauth-2-1.ts'
import type { Requirement } from './requirement.ts'

/** Strictest first, so that a place that contradicts two of them is reported by the stricter one. */
export const requirements: readonly Requirement[] = [
  ...fapi2MessageSigning.map(row => ({ ...row, profile: 'fapi2-message-signing' as const })),
  ...fapi2Security.map(row => ({ ...row, profile: 'fapi2-security' as const })),
  ...oauth21.map(row => ({ ...row, profile: 'oauth2.1' as const })),
]

const byProfile: ReadonlyMap<SecurityProfile | undefined, readonly Requirement[]> = new Map(
  securityProfiles.map(profile => [
    profile,
    requirements.filter(
      one => one.profile === profile || (!one.alone && includesProfile(profile, one.profile)),
    ),
  ]),
)

/** Returns the requirements of a profile, with those of the profiles that it includes. */
export const requirementsOf = (profile: SecurityProfile | undefined): readonly Requirement[] =>
  byProfile.get(profile) ?? []

/**
 * Returns what a server or tenant, or one of its clients, lacks.
 * @param demanded a profile that all of it is compared with; by default the profiles that are configured.
 */
export const findingsOf = (draft: Draft, demanded?: SecurityProfile): readonly ProfileFinding[] => [
  ...issuerFindings(draft, demanded),
  ...clientFindings(draft, demanded),
]

/** Returns the errors of the keys of a server or tenant that its profile, or that of a client, does not permit. */
export const issuerProfileErrors = (draft: Draft): readonly Diagnostic[] =>
  distinct(issuerFindings(draft, undefined)).flatMap(refused)

/** Returns the errors of clients that their profiles do not permit. */
export const clientProfileErrors = (draft: Draft): readonly Diagnostic[] => [
  ...draft.clients.flatMap(client => weakerProfile(client, draft)),
  ...distinct(clientFindings(draft, undefined)).flatMap(refused),
]

/**
 * Returns the errors of settings of the server that the profiles of clients do not permit. Each is about the client: it is
 * made at run time, when the settings are fixed.
 */
export const sharedProfileErrors = (draft: Draft): readonly Diagnostic[] =>
  draft.clients.flatMap(client => {
    const { security_profile: profile } = client.value
    const found = requirementsOf(profile).flatMap(one => findings(one, profile, one.shared?.(draft)))
    return distinct(found)
      .flatMap(refused)
      .flatMap(({ path, problem, ...rest }) =>
        diagnosticAt(client, 'security_profile', { ...rest, problem: `${path}: ${problem}` }),
      )
  })

const refused = ({ requirement, diagnostic }: ProfileFinding): readonly Diagnostic[] =>
  tolerated.has(requirement) ? [] : [diagnostic]

const tolerated: ReadonlySet<object> = new Set(requirements.filter(one => one.tolerated))

function issuerFindings(draft: Draft, demanded: SecurityProfile | undefined): readonly ProfileFinding[] {
  const own = stricterProfile(draft.security.profile, demanded)
  const strictest = draft.clients.reduce((so, { value }) => stricterProfile(so, value.security_profile), own)
  return [
    ...requirementsOf(own).flatMap(one => findings(one, own, one.issuer?.(draft))),
    ...templateFindings(draft, own),
    ...requirementsOf(strictest).flatMap(one => findings(one, strictest, one.shared?.(draft))),
  ]
}

/** Returns what the settings lack that clients get when they register themselves: they can't choose others. */
function templateFindings(
  { registration, ...draft }: Draft,
  profile: SecurityProfile | undefined,
): readonly ProfileFinding[] {
  if (!registration) return []
  const {
    metadata_documents: documents,
    sealed_client_ids: sealed,
    client_defaults: template,
  } = registration.value
  if ([registration.value, documents, sealed].every(({ mode }) => mode === 'off')) return []
  const value = { ...registered, ...template }
  const client = { list: 'clients', index: 0, subject: '', value, invalid: new Set<string>() }
  return requirementsOf(profile)
    .flatMap(one => findings(one, profile, one.client?.(client, draft)))
    .flatMap(({ requirement, diagnostic }) => {
      const { subject: _, path, ...described } = diagnostic
      const key = path.replace('clients[0].', '')
      const at = { path: `${registration.path}.client_defaults.${key}` }
      return Object.hasOwn(template, key) ? { requirement, diagnostic: { ...at, ...described } } : []
    })
}

const registered = clientSchema.parse({
  client_id: 'registered',
  token_endpoint_auth_method: 'private_key_jwt',
  grant_types: ['authorization_code', 'refresh_token'],
})

const clientFindings = (draft: Draft, demanded: SecurityProfile | undefined): readonly ProfileFinding[] =>
  draft.clients.flatMap(client => {
    const profile = stricterProfile(client.value.security_profile, demanded)
    return requirementsOf(profile).flatMap(one => findings(one, profile, one.client?.(client, draft)))
  })

/** Adds the profile and the section to what was expected. */
const findings = (
  requirement: Requirement,
  profile: SecurityProfile | undefined,
  diagnostics: readonly Diagnostic[] = [],
): readonly ProfileFinding[] =>
  diagnostics.map(diagnostic => ({
    requirement,
    diagnostic: {
      ...diagnostic,
      expected: `${diagnostic.expected} (${placeOf(requirement)}; security_profile "${profile}")`,
    },
  }))

/** A client can't opt out of the profile of its server. */
function weakerProfile(client: Draft['clients'][number], { security }: Draft): readonly Diagnostic[] {
  const { security_profile: written } = Object(client.raw) as { readonly security_profile?: SecurityProfile }
  if (written === undefined || security.profile === undefined || includesProfile(written, security.profile))
    return []
  return diagnosticAt(client, 'security_profile', {
    problem: `"${written}" requires less than the profile of the issuer`,
    expected: `"${security.profile}", or a profile that includes it`,
    fix: 'remove it; the client has the profile of the issuer',
  })
}
