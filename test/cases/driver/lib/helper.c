/* SPDX-License-Identifier: Apache-2.0 */
#include "gadget.h"
int helper(int x) { int sum = 0; for (int i = 0; i < x; i++) sum += i * x ^ sum; return sum; }
