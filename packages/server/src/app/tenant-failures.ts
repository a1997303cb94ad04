/** Does something for each tenant, and collects what fails: one damaged store must not hide the others. */

export type TenantFailure = { readonly tenant: string; readonly error: unknown }

export async function failuresOf(
  tenants: Iterable<string>,
  run: (tenant: string) => Promise<void>,
): Promise<readonly TenantFailure[]> {
  const failures: TenantFailure[] = []
  for (const tenant of tenants) {
    try {
      await run(tenant)
    } catch (error) {
      failures.push({ tenant, error })
    }
  }
  return failures
}
