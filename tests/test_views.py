from sklearn_digits._images.views import smallest_shifts


def test_shifts_come_by_their_length():
    shifts = smallest_shifts(60)
    assert shifts[0] == (0, 0)
    assert set(shifts[1:5]) == {(0, 1), (0, -1), (1, 0), (-1, 0)}
    assert set(shifts[5:9]) == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    lengths = [down**2 + right**2 for down, right in shifts]
    assert lengths == sorted(lengths)
    every = [x**2 + y**2 for x in range(-9, 10) for y in range(-9, 10)]
    assert lengths == sorted(every)[:60]
