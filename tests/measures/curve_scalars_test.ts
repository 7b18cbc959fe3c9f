import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { curveScalars } from "../../lib/measures/curve_scalars.ts";
import { assertClose } from "../assert_close.ts";
import { goldens, TOL } from "./goldens.ts";

/** A path through places. */
function path(...places: readonly (readonly [number, number])[]) {
  return places.map(([inDomain, outOfDomain]) => ({ inDomain, outOfDomain }));
}

Deno.test("a path that turns back comes to what numpy makes of it", () => {
  const { points, ...expected } = goldens.curve;
  const found = curveScalars(path(...points));
  for (const scalar of ["onset", "area", "drop"] as const) {
    assertClose([found[scalar]], [expected[scalar]], TOL, scalar);
  }
  found.matched.forEach((price, i) => {
    if (expected.matched[i] === null) assertEquals(price, null);
    else assertAlmostEquals(price!, expected.matched[i]!, TOL);
  });
});

Deno.test("a level counts where the path first reaches it, a start beyond it at once", () => {
  const turning = path([0, 0], [2, 1], [1, -1], [4, -4]);
  assertEquals(curveScalars(turning, [0, 1, 2, 4, 5]).matched, [0, 0.5, 1, -4, null]);
});

Deno.test("a path without a fall drops by nothing, and one without a point is refused", () => {
  assertEquals(curveScalars(path([0, 0]), [1]), { matched: [null], onset: 0, area: 0, drop: 0 });
  const { onset, area, drop } = curveScalars(path([0, 0], [1, 1], [2, 2]));
  assertEquals([onset, area, drop], [2, 2, 0]);
  assertThrows(() => curveScalars([]), RangeError, "no point");
});
