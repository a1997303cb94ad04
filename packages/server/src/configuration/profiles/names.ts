/** The names of security profiles, for the command line. */

export { type SecurityProfile, securityProfiles } from '../../model/security-profile.ts'
