# nbgrader's settings for this course: copy it to your class's folder as nbgrader_config.py (docs/INSTRUCTORS.md).
from nbgrader.preprocessors import NbGraderPreprocessor

c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.course_id = "usft"
# The course's own markers, BEGIN SOLUTION and END SOLUTION, are nbgrader's, too. What stands there instead:
c.ClearSolutions.code_stub = {"python": 'raise usft.Todo("write the lines that are missing")'}
c.ExecutePreprocessor.timeout = 600  # seconds a cell; lessons that train take one minute in all
c.OverwriteCells.add_missing_cells = True  # a check that a student deleted is put back, and fails or passes


class FirstOfCopies(NbGraderPreprocessor):
    """A cell that a student copied carries the same id twice, and nbgrader 0.9.6 then ends the whole class's run.

    The first of them is graded; the others run as ordinary cells. It says whose notebook and which cell.
    """

    def preprocess(self, nb, resources):
        """Take nbgrader's marks from every further cell of the same id."""
        seen = set()
        for number, cell in enumerate(nb.cells, start=1):
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id in seen:
                where = resources["nbgrader"]
                self.log.warning(
                    f"{where['student']}, {where['notebook']}: cell {number} is a copy of {grade_id}; the first counts."
                )
                del cell.metadata["nbgrader"]
            elif grade_id:
                seen.add(grade_id)
        return nb, resources


c.Autograde.sanitize_preprocessors.prepend([FirstOfCopies])
