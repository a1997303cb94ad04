/** The pages of the second step of a sign-in, and of accounts, as they look. */

import { testPages } from './examine-pages.ts'
import { accountPages } from './page-cases.ts'

testPages(accountPages)
