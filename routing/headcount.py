"""How many agents there are of each kind, as sets of kinds are counted: in a few operations, however many kinds."""


class Headcount:
    """The count of every kind in binary: plane b holds the kinds whose count has bit b."""

    def __init__(self) -> None:
        self._planes: list[int] = []
        self.version = 0  #: other when a count is another

    def add(self, kind: int) -> None:
        """One more of a kind."""
        self.version += 1
        carry = 1 << kind
        for number, plane in enumerate(self._planes):
            self._planes[number] = plane ^ carry
            carry &= plane
        if carry:
            self._planes.append(carry)

    def drop(self, kind: int) -> None:
        """One less of a kind, of whom there is at least one."""
        self.version += 1
        borrow = 1 << kind
        for number, plane in enumerate(self._planes):
            self._planes[number] = plane ^ borrow
            borrow &= ~plane

    def of(self, kinds: int) -> int:
        """How many there are of these kinds, which are the bits of an integer."""
        count = 0
        for number, plane in enumerate(self._planes):
            count += (plane & kinds).bit_count() << number
        return count
