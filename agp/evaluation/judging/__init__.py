"""What runs in the two confined processes of a judgement, and the plain data between them.

`candidate` is beside the program that is judged, `trial` with its `standins` beside the tests;
`wire` is the form in which values cross. All run where
nothing of the rest of agp exists: standard library only.
"""
