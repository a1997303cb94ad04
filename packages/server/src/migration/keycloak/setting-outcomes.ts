/** Members of a realm that no key of the configuration corresponds to, and why. */

/** Usual values that need nothing, and what to do about others. */
export const usualSettings: Readonly<Record<string, readonly [usual: readonly unknown[], why: string]>> = {
  enabled: [[true], 'a configuration can not be disabled; do not start the server'],
  notBefore: [[0], 'tokens are revoked with "tessera clients revoke" or "tessera users revoke"'],
  sslRequired: [['external', 'all', 'EXTERNAL', 'ALL'], 'https is required except for loopback addresses'],
  loginWithEmailAllowed: [[true], 'users can always sign in with their verified address'],
  duplicateEmailsAllowed: [[false], 'a verified address belongs to one user'],
  editUsernameAllowed: [[false], 'users can change their name on the account page'],
  bruteForceProtected: [[true], 'guesses are always limited'],
  otpPolicyType: [['totp'], 'codes of authenticator apps depend on the time (RFC 6238)'],
  otpPolicyAlgorithm: [['HmacSHA1'], 'codes of authenticator apps use SHA-1'],
  otpPolicyDigits: [[6], 'codes of authenticator apps have six digits'],
  otpPolicyPeriod: [[30], 'codes of authenticator apps last 30 seconds'],
  otpPolicyCodeReusable: [[false], 'a code is accepted once (RFC 6238 §5.2)'],
  refreshTokenMaxReuse: [
    [0],
    'a refresh token is used once, except for retries within refresh_token_retry_window',
  ],
  permanentLockout: [[false], 'no number of guesses locks a user out for good'],
  internationalizationEnabled: [[true, false], 'pages have the language of the browser'],
}

/** Sign-in flows, and their names in a new realm. */
export const flowSettings: Readonly<Record<string, string>> = {
  browserFlow: 'browser',
  registrationFlow: 'registration',
  directGrantFlow: 'direct grant',
  resetCredentialsFlow: 'reset credentials',
  clientAuthenticationFlow: 'clients',
  dockerAuthenticationFlow: 'docker auth',
  firstBrokerLoginFlow: 'first broker login',
}

const themes = 'pages have branding and templates instead of themes (docs/guides/pages.md)'
const events = 'events go to the log, and to webhooks (docs/guides/events.md)'

export const otherSettings: Readonly<Record<string, string>> = {
  displayNameHtml: themes,
  loginTheme: themes,
  accountTheme: themes,
  adminTheme: themes,
  emailTheme: themes,
  localizationTexts: themes,
  eventsEnabled: events,
  eventsExpiration: events,
  enabledEventTypes: events,
  clientProfiles: 'there are no client policies; config check and the settings of each client apply',
  clientPolicies: 'there are no client policies; config check and the settings of each client apply',
  adminEventsEnabled: events,
  adminEventsDetailsEnabled: events,
  defaultGroups: 'new users are in no group; "tessera users set-groups" changes that',
  userManagedAccessAllowed: 'there are no authorization services (UMA)',
  organizationsEnabled: 'there are no organizations; see tenants (docs/guides/tenants.md)',
  organizations: 'there are no organizations; see tenants (docs/guides/tenants.md)',
  verifiableCredentialsEnabled: 'verifiable credentials are not issued',
  adminPermissionsEnabled: 'operators use the command line',
  clientSessionIdleTimeout: 'sessions end for all clients at once',
  clientSessionMaxLifespan: 'sessions end for all clients at once',
  clientOfflineSessionIdleTimeout: 'use sliding_refresh_token_lifetime',
  clientOfflineSessionMaxLifespan: 'use absolute_refresh_token_lifetime',
  accessTokenLifespanForImplicitFlow:
    'tokens of the implicit flow last as long as others: access_token_lifetime',
  webAuthnPolicyRpId: 'passkeys belong to the host of the issuer',
  webAuthnPolicyPasswordlessRpId: 'passkeys belong to the host of the issuer',
  webAuthnPolicyAcceptableAaguids: 'the model of an authenticator is not checked',
  webAuthnPolicyPasswordlessAcceptableAaguids: 'the model of an authenticator is not checked',
}

export const unneededSettings = [
  ...['requiredActions', 'authenticatorConfig'],
  ...[
    'id',
    'keycloakVersion',
    'requiredCredentials',
    'supportedLocales',
    'defaultLocale',
    'defaultSignatureAlgorithm',
  ],
  ...['accessCodeLifespanUserAction', 'accessCodeLifespanLogin', 'actionTokenGeneratedByAdminLifespan'],
  ...[
    'actionTokenGeneratedByUserLifespan',
    'maxTemporaryLockouts',
    'bruteForceStrategy',
    'maxFailureWaitSeconds',
  ],
  ...[
    'minimumQuickLoginWaitSeconds',
    'waitIncrementSeconds',
    'quickLoginCheckMilliSeconds',
    'maxDeltaTimeSeconds',
  ],
  ...['failureFactor', 'otpPolicyInitialCounter', 'otpPolicyLookAheadWindow', 'otpSupportedApplications'],
  ...['browserSecurityHeaders', 'defaultDefaultClientScopes', 'defaultOptionalClientScopes', 'defaultRole'],
  ...['defaultRoles', 'scopeMappings', 'clientScopeMappings', 'webAuthnPolicyRpEntityName'],
  ...['webAuthnPolicySignatureAlgorithms', 'webAuthnPolicyAttestationConveyancePreference'],
  ...['webAuthnPolicyAuthenticatorAttachment', 'webAuthnPolicyRequireResidentKey'],
  ...[
    'webAuthnPolicyUserVerificationRequirement',
    'webAuthnPolicyCreateTimeout',
    'webAuthnPolicyExtraOrigins',
  ],
  ...['webAuthnPolicyAvoidSameAuthenticatorRegister', 'webAuthnPolicyPasswordlessRpEntityName'],
  ...['webAuthnPolicyPasswordlessSignatureAlgorithms', 'webAuthnPolicyPasswordlessExtraOrigins'],
  ...['webAuthnPolicyPasswordlessAttestationConveyancePreference', 'webAuthnPolicyPasswordlessCreateTimeout'],
  ...['webAuthnPolicyPasswordlessAuthenticatorAttachment', 'webAuthnPolicyPasswordlessRequireResidentKey'],
  ...['webAuthnPolicyPasswordlessUserVerificationRequirement'],
  ...['webAuthnPolicyPasswordlessAvoidSameAuthenticatorRegister'],
]
